import type { Tx } from '../db/database.ts'
import { appendAudit } from '../db/queries/audit.ts'
import { countMoved, redirectRows, requeueRows, type LeavingRow, type NewLane } from '../db/queries/drains.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { lockDispatchesOfRuns, requestStopsOf } from '../db/queries/stop-requests.ts'
import { laneText, parseLane, redirectLane } from '../model/lane.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger } from './run-ledger.ts'

/**
 * What a drain does to work.
 *
 * Invariant 1: whoever has moved on in between is left alone; a process that may live is asked to stop in the same
 * transaction, and holds its slot until it is confirmed gone.
 * Invariant 2: none of it costs a try or a launch.
 */

/** Where the work of an executor goes; `to` null: it waits where it is. */
export interface DrainRoute {
  readonly executor: string
  readonly to: string | null
}

const ACTOR = 'drain'

/** Has scheduled work wait for another executor. Answers how much moved. */
export function redirectScheduled(
  context: MoveContext,
  { executor, to }: { readonly executor: string; readonly to: string },
  rows: readonly LeavingRow[],
): Promise<number> {
  return inTransaction(context, async (tx) => {
    const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeysOf(rows)))
    const moves = rows.map((row) => newLane({ executor, to }, row))
    const moved = await redirectRows(tx, moves)
    const done = moves.filter(({ row }) => moved.has(row.id))
    for (const { row } of done) ledger.run(row.run_key).mustRefit = true
    await noteMoves(tx, ledger.now, { executor, to }, done)
    await ledger.close()
    return done.length
  })
}

/** Takes queued work back: its dispatch is superseded and stopped, and it waits to be handed over again. */
export function requeueQueued(context: MoveContext, route: DrainRoute, rows: readonly LeavingRow[]): Promise<number> {
  return inTransaction(context, async (tx) => {
    await lockDispatchesOfRuns(tx, runKeysOf(rows))
    const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeysOf(rows)))
    const moves = rows.map((row) => newLane(route, row))
    const moved = await requeueRows(tx, moves)
    const done = moves.filter(({ row }) => moved.has(row.id))
    for (const { row } of done) {
      const run = ledger.run(row.run_key)
      run.active -= 1
      run.waiting += 1
      run.mustRefit = true
      ledger.audit(row.run_key, {
        actor: ACTOR,
        ...attemptOf(row),
        from: 'queued',
        to: 'scheduled',
        detail: { reason: 'drained' },
      })
    }
    await stop(
      tx,
      ledger.now,
      done.map(({ row }) => row),
    )
    if (route.to !== null) await noteMoves(tx, ledger.now, { ...route, to: route.to }, done)
    await ledger.close()
    return done.length
  })
}

/** Has running work stopped. Its end, confirmed, makes it begin again at the cost of no try. */
export function stopRunning(context: MoveContext, executor: string, rows: readonly LeavingRow[]): Promise<number> {
  return inTransaction(context, async (tx) => {
    const now = context.environment.clock.now()
    const stopped = await stop(tx, now, rows)
    const entries = rows
      .filter((row) => stopped.has(row.dispatch_id ?? ''))
      .map((row) => ({
        event: 'task_instance.stop_requested',
        actor: ACTOR,
        ...attemptOf(row),
        dagId: row.dag_id,
        runId: row.run_id,
        detail: { reason: 'drained', executor },
      }))
    await appendAudit(tx, entries, now)
    return entries.length
  })
}

function newLane({ executor, to }: DrainRoute, row: LeavingRow): NewLane {
  if (to === null) return { row, lane: row.lane, executor }
  const lane = redirectLane(parseLane(row.lane), executor, to)
  return { row, lane: laneText(lane), executor: lane.executors[0] ?? to }
}

async function noteMoves(
  tx: Tx,
  now: number,
  { executor, to }: { executor: string; to: string },
  done: readonly NewLane[],
): Promise<void> {
  const entries = done.map(({ row }) => ({
    event: 'task_instance.executor',
    actor: ACTOR,
    ...attemptOf(row),
    dagId: row.dag_id,
    runId: row.run_id,
    detail: { from: executor, to },
  }))
  await appendAudit(tx, entries, now)
  await countMoved(tx, executor, done.length)
}

async function stop(tx: Tx, now: number, rows: readonly LeavingRow[]): Promise<ReadonlySet<string>> {
  const ids = rows.flatMap((row) => row.dispatch_id ?? [])
  const stopped = await requestStopsOf(tx, ids, { reason: 'drained', now })
  return new Set(stopped.map((row) => row.dispatch_id))
}

function attemptOf({
  task_id: taskId,
  map_index: mapIndex,
  try_number: tryNumber,
  dispatch_id: dispatchId,
}: LeavingRow) {
  return { taskId, mapIndex, tryNumber, dispatchId }
}

function runKeysOf(rows: readonly LeavingRow[]): readonly number[] {
  return [...new Set(rows.map((row) => row.run_key))]
}
