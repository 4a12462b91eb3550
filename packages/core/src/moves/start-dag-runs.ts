import { findStartableRuns, type StartableRun } from '../db/queries/due.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { takeStartTurn } from '../db/queries/schedulers.ts'
import { changeDagRunCounts, moveRunsToRunning } from '../db/queries/update-runs.ts'
import { evaluateTriggerRule } from '../model/trigger-rule.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger } from './run-ledger.ts'
import { recountRuns } from './recount-runs.ts'
import { scheduleTasks } from './schedule-tasks.ts'

const RUNS_PER_TRANSACTION = 100

/** Starts queued runs as far as `maxActiveRuns` of their Dags allows, with the tasks that wait for nothing. Says how many. */
export function startDagRuns(context: MoveContext): Promise<number> {
  return inTransaction(context, async (tx) => {
    const now = context.environment.clock.now()
    await takeStartTurn(tx)
    const chosen = withinPlaces(await findStartableRuns(tx, now, RUNS_PER_TRANSACTION))
    if (chosen.length === 0) return 0
    const ledger = new RunLedger(
      tx,
      context,
      await lockRuns(
        tx,
        chosen.map((run) => run.run_key),
      ),
    )
    const started = await moveRunsToRunning(
      tx,
      chosen.map((run) => run.run_key),
      now,
    )
    await changeDagRunCounts(tx, startedByDag(ledger, started))
    const ready: ReadyTask[] = []
    for (const { run_key: runKey } of started) ready.push(...(await openRun(ledger, runKey)))
    await scheduleTasks(ledger, ready)
    const rewritten = ledger.runs.filter((run) => run.isStarted && run.row.rewrites > 0)
    await recountRuns(
      ledger,
      rewritten.map((run) => run.row.run_key),
    )
    await ledger.close()
    return started.length
  })
}

function withinPlaces(runs: readonly StartableRun[]): readonly StartableRun[] {
  const taken = new Map<string, number>()
  return runs.filter((run) => {
    const before = taken.get(run.dag_id) ?? 0
    taken.set(run.dag_id, before + 1)
    return before < run.places
  })
}

function startedByDag(
  ledger: RunLedger,
  started: ReadonlyArray<{ run_key: number }>,
): Map<string, { running: number; queued: number }> {
  const counts = new Map<string, { running: number; queued: number }>()
  for (const { run_key: runKey } of started) {
    const { dag_id: dagId } = ledger.run(runKey).row
    const before = counts.get(dagId) ?? { running: 0, queued: 0 }
    counts.set(dagId, { running: before.running + 1, queued: before.queued - 1 })
  }
  return counts
}

type ReadyTask = Parameters<typeof scheduleTasks>[1][number]

/** Answers the tasks of the run that wait for nothing; of one that was changed by hand, none. */
async function openRun(ledger: RunLedger, runKey: number): Promise<readonly ReadyTask[]> {
  const run = ledger.run(runKey)
  run.isStarted = true
  ledger.note({
    event: 'dag_run.state',
    actor: 'scheduler',
    dagId: run.row.dag_id,
    runId: run.row.run_id,
    from: 'queued',
    to: 'running',
  })
  if (run.row.rewrites > 0) return []
  const { tasks } = await ledger.graphOf(runKey)
  const ready = tasks.filter(
    ({ spec, upstream }) =>
      evaluateTriggerRule(spec.triggerRule, { ...NOTHING_DONE, total: upstream.length }) === 'run',
  )
  return ready.map(({ index }) => ({ runKey, taskIndex: index, mapIndex: -1, from: 'none' as const }))
}

const NOTHING_DONE = {
  success: 0,
  failed: 0,
  upstreamFailed: 0,
  skipped: 0,
  removed: 0,
  setupTotal: 0,
  setupSuccess: 0,
  setupSkipped: 0,
}
