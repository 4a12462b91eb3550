import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'
import type { StopReason } from './dispatches.ts'
import type { TaskAddress } from './move-task-instances.ts'

/** Asking for processes to be stopped. The request lives in the dispatch, and ends with it: once the process is gone. */

/** A process that is to be stopped, and where its task instance stands. */
export interface StoppingRow {
  readonly dispatch_id: string
  readonly executor: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly stop_requested_at: number | null
}

const COLUMNS = 'dispatch_id, executor, run_key, task_index, map_index, stop_requested_at'

const ADDRESS = { in_run_key: 'int', in_task_index: 'int', in_map_index: 'int' } as const

const lockOfRuns = statement(
  ({ rows, forUpdate }) => `
  select p.dispatch_id from dispatch p where p.run_key in (select in_run_key from ${rows(1, { in_run_key: 'int' })} as d)
  order by p.dispatch_id ${forUpdate('p')}`,
)

// The first request stands: when somebody wanted it stopped, and why.
const stopAt = statement(
  ({ rows }) => `
  update dispatch set stop_requested_at = coalesce(stop_requested_at, $2), stop_reason = coalesce(stop_reason, $3)
  from ${rows(1, ADDRESS)} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and map_index = d.in_map_index
  returning ${COLUMNS}`,
)

const stopByIds = statement(
  ({ rows }) => `
  update dispatch set stop_requested_at = $2, stop_reason = $3
  where stop_requested_at is null and dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d)
  returning ${COLUMNS}`,
)

const liveAt = statement(
  ({ rows }) => `
  select p.dispatch_id, p.executor, p.run_key, p.task_index, p.map_index, p.stop_requested_at
  from ${rows(1, ADDRESS)} as d
  join dispatch p on p.run_key = d.in_run_key and p.task_index = d.in_task_index and p.map_index = d.in_map_index`,
)

/**
 * Locks the dispatches of runs: before the runs themselves, since who reports the end of a process holds its dispatch
 * when it asks for the run.
 */
export async function lockDispatchesOfRuns(tx: Tx, runKeys: readonly number[]): Promise<void> {
  await tx.all(lockOfRuns, [JSON.stringify(runKeys.map((key) => [key]))])
}

/** Has every process of these task instances stopped, whichever try started it; answers those that may live. */
export function requestStops(
  tx: Tx,
  addresses: readonly TaskAddress[],
  by: { reason: StopReason; now: number },
): Promise<StoppingRow[]> {
  return tx.all<StoppingRow>(stopAt, [addressesJson(addresses), by.now, by.reason])
}

/** Has the processes of these dispatches stopped; answers those nobody had asked for. */
export function requestStopsOf(
  tx: Tx,
  dispatchIds: readonly string[],
  by: { reason: StopReason; now: number },
): Promise<StoppingRow[]> {
  return tx.all<StoppingRow>(stopByIds, [JSON.stringify(dispatchIds.map((id) => [id])), by.now, by.reason])
}

/** The dispatches of these task instances whose processes are not known to be gone. */
export function readLiveDispatches(tx: Tx, addresses: readonly TaskAddress[]): Promise<StoppingRow[]> {
  return tx.all<StoppingRow>(liveAt, [addressesJson(addresses)])
}

function addressesJson(addresses: readonly TaskAddress[]): string {
  return JSON.stringify(addresses.map((at) => [at.runKey, at.taskIndex, at.mapIndex]))
}
