import type { DagRunState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** What one transaction adds to a run's counts. */
export interface RunChange {
  readonly runKey: number
  readonly unfinished: number
  readonly active: number
  readonly waiting: number
  readonly failedLeaves: number
}

/** A run's counts after a change. */
export interface ChangedRun {
  readonly run_key: number
  readonly unfinished: number
  readonly active: number
  readonly waiting: number
  readonly failed_leaves: number
  readonly max_active_tasks: number
  readonly is_windowed: number
}

const changeRuns = statement(
  ({ rows }) => `
  update dag_run set
    unfinished = unfinished + d.in_unfinished,
    active = active + d.in_active,
    waiting = waiting + d.in_waiting,
    failed_leaves = failed_leaves + d.in_failed_leaves,
    is_windowed = case
      when active + d.in_active + waiting + d.in_waiting > max_active_tasks then 1
      when d.in_is_held = 1 and waiting + d.in_waiting > 0 then 1
      else 0 end
  from ${rows(1, {
    in_run_key: 'int',
    in_unfinished: 'int',
    in_active: 'int',
    in_waiting: 'int',
    in_failed_leaves: 'int',
    in_is_held: 'int',
  })} as d
  where run_key = d.in_run_key
  returning run_key, unfinished, active, waiting, failed_leaves, max_active_tasks, is_windowed`,
)

const finishRuns = statement(
  ({ rows }) => `
  update dag_run set state = d.in_state, ended_at = $2
  from ${rows(1, { in_run_key: 'int', in_from: 'text', in_state: 'text' })} as d
  where run_key = d.in_run_key and state = d.in_from
  returning run_key`,
)

const rewriteRuns = statement(
  ({ rows }) => `
  update dag_run set rewrites = rewrites + 1
  where run_key in (select in_run_key from ${rows(1, { in_run_key: 'int' })} as d)`,
)

const reopenRuns = statement(
  ({ rows }) => `
  update dag_run set state = 'queued', queued_at = $2, started_at = null, ended_at = null
  from ${rows(1, { in_run_key: 'int', in_from: 'text' })} as d
  where run_key = d.in_run_key and state = d.in_from`,
)

const countRuns = statement(
  ({ rows }) => `
  update dag set running_runs = running_runs + d.in_running, queued_runs = queued_runs + d.in_queued
  from ${rows(1, { in_dag_id: 'text', in_running: 'int', in_queued: 'int' })} as d
  where dag_id = d.in_dag_id`,
)

const startRuns = statement(
  ({ rows }) => `
  update dag_run set state = 'running', started_at = coalesce(started_at, $2)
  from ${rows(1, { in_run_key: 'int', in_from: 'text' })} as d
  where run_key = d.in_run_key and state = d.in_from
  returning run_key`,
)

/** Adds to the counts of runs, and says what they are then. */
export function changeRunCounts(
  tx: Tx,
  changes: ReadonlyArray<RunChange & { readonly isHeld: boolean }>,
): Promise<ChangedRun[]> {
  const values = changes.map((c) => [c.runKey, c.unfinished, c.active, c.waiting, c.failedLeaves, c.isHeld ? 1 : 0])
  return tx.all<ChangedRun>(changeRuns, [JSON.stringify(values)])
}

/** Ends runs. */
export function settleRuns(
  tx: Tx,
  runs: ReadonlyArray<{ runKey: number; from: DagRunState; state: DagRunState }>,
  now: number,
): Promise<Array<{ run_key: number }>> {
  return tx.all(finishRuns, [JSON.stringify(runs.map((run) => [run.runKey, run.from, run.state])), now])
}

/** Notes that runs were changed by hand. */
export async function noteRewrites(tx: Tx, runKeys: readonly number[]): Promise<void> {
  await tx.all(rewriteRuns, [JSON.stringify(runKeys.map((key) => [key]))])
}

/** Queues runs that have ended. */
export async function queueEndedRuns(
  tx: Tx,
  runs: ReadonlyArray<{ runKey: number; from: DagRunState }>,
  now: number,
): Promise<void> {
  await tx.all(reopenRuns, [JSON.stringify(runs.map((run) => [run.runKey, run.from])), now])
}

/** Starts runs that are queued. */
export function moveRunsToRunning(
  tx: Tx,
  runKeys: readonly number[],
  now: number,
): Promise<Array<{ run_key: number }>> {
  return tx.all(startRuns, [JSON.stringify(runKeys.map((key) => [key, 'queued'])), now])
}

/** Adds to the number of running and queued runs of Dags. */
export async function changeDagRunCounts(
  tx: Tx,
  changes: ReadonlyMap<string, { running: number; queued: number }>,
): Promise<void> {
  await tx.all(countRuns, [JSON.stringify([...changes].map(([dagId, c]) => [dagId, c.running, c.queued]))])
}
