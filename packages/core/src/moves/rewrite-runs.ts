import { isTerminal, type TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import type { StopReason } from '../db/queries/dispatches.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import type { TaskAddress } from '../db/queries/move-task-instances.ts'
import {
  clearRows,
  readStandingRows,
  settleStandingRows,
  type ClearedRow,
  type StandingRow,
} from '../db/queries/rewrite-runs.ts'
import { lockDispatchesOfRuns, requestStops, type StoppingRow } from '../db/queries/stop-requests.ts'
import { changeDagRunCounts, noteRewrites, queueEndedRuns } from '../db/queries/update-runs.ts'
import { clearTaskInstance, removeTaskInstance, type Clearing } from '../model/clear-rule.ts'
import type { MoveContext } from './move-context.ts'
import { recountRuns } from './recount-runs.ts'
import { RunLedger, type Rewrite } from './run-ledger.ts'

/**
 * Changes of task instances by hand: cleared, marked or cancelled, in whatever state they are.
 *
 * Invariant 1: whatever may still live of a changed task instance is asked to stop in the same transaction.
 * Invariant 2: counts of the whole run are right when it commits, and a run that has work again is queued again.
 */

/** What is to become of one task instance. */
export type RowChange =
  | { readonly kind: 'clear'; readonly row: StandingRow }
  /** Its task is gone: it is removed, and until no process of it can live it is restarting. */
  | { readonly kind: 'remove'; readonly row: StandingRow }
  | {
      readonly kind: 'settle'
      readonly row: StandingRow
      readonly to: 'success' | 'failed' | 'skipped'
      readonly cause: 'cancelled' | null
    }

/** Who changes, why its processes are stopped, and what becomes of the runs. */
export interface RewriteOrder {
  readonly actor: string
  readonly reason: StopReason
  readonly run?: Omit<Rewrite, 'by'>
}

/** Runs that are held to be changed, with all their task instances. */
export interface HeldRuns {
  readonly ledger: RunLedger
  readonly rows: readonly StandingRow[]
}

/** Takes the locks that a rewrite needs, and reads how everything stands. */
export async function holdRuns(tx: Tx, context: MoveContext, runKeys: readonly number[]): Promise<HeldRuns> {
  await lockDispatchesOfRuns(tx, runKeys)
  const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeys))
  return { ledger, rows: await readStandingRows(tx, runKeys) }
}

/** Writes changes of held runs with all that follows. Answers the processes that are being stopped. */
export async function rewriteRuns(
  held: HeldRuns,
  changes: readonly RowChange[],
  order: RewriteOrder,
): Promise<readonly StoppingRow[]> {
  const stopping = await changeRows(held, changes, order)
  await endRewrite(held)
  return stopping
}

/** Decides the rest of held runs anew, and writes their counts. */
export async function endRewrite({ ledger }: HeldRuns): Promise<void> {
  await recountRuns(
    ledger,
    ledger.runs.map((run) => run.row.run_key),
  )
  await ledger.close()
}

/** The changes themselves, for who has more to write before {@link endRewrite}. */
export async function changeRows(
  { ledger, rows }: HeldRuns,
  changes: readonly RowChange[],
  order: RewriteOrder,
): Promise<readonly StoppingRow[]> {
  const stopping = await requestStops(
    ledger.tx,
    changes.map(({ row }) => addressOf(row)),
    { reason: order.reason, now: ledger.now },
  )
  const moves = await movesOf(ledger, changes, stopping)
  await write(ledger, moves)
  for (const move of moves) note(ledger, move, order)
  await rewriteRunRows(ledger, rows, moves, order)
  return stopping
}

type RowMove =
  | (ClearedRow & { readonly kind: 'clear'; readonly row: StandingRow })
  | (Extract<RowChange, { kind: 'settle' }> & { readonly id: string; readonly from: TaskInstanceState })

async function movesOf(
  ledger: RunLedger,
  changes: readonly RowChange[],
  stopping: readonly StoppingRow[],
): Promise<readonly RowMove[]> {
  const moves: RowMove[] = []
  for (const change of changes) {
    const { row } = change
    if (change.kind === 'settle') {
      if (row.state !== change.to) moves.push({ ...change, id: row.id, from: row.state })
      continue
    }
    const clearing = await clearingOf(ledger, change, stopping)
    if (clearing.kind === 'unchanged') continue
    const newId = ledger.context.environment.random.uuid(ledger.now)
    moves.push({ ...clearing, kind: 'clear', row, id: row.id, from: row.state, newId })
  }
  return moves
}

async function clearingOf(
  ledger: RunLedger,
  { kind, row }: Exclude<RowChange, { kind: 'settle' }>,
  stopping: readonly StoppingRow[],
): Promise<Clearing> {
  const { state, try_number: tryNumber } = row
  if (kind === 'remove') {
    return removeTaskInstance({ state, tryNumber, mayRun: stopping.some((one) => isOf(one, row)) })
  }
  const task = (await ledger.graphOf(row.run_key)).tasks[row.task_index]
  if (task === undefined) return { kind: 'unchanged' }
  return clearTaskInstance({ state, tryNumber, mayRun: mayRun(row, stopping) }, task.spec.retry.retries)
}

function isOf(one: StoppingRow, row: StandingRow): boolean {
  return one.run_key === row.run_key && one.task_index === row.task_index && one.map_index === row.map_index
}

/** What waits to be let run is refused from now on; whatever else has not been confirmed gone may be running. */
function mayRun(row: StandingRow, stopping: readonly StoppingRow[]): boolean {
  return stopping.some((one) => isOf(one, row) && !(row.state === 'queued' && one.dispatch_id === row.dispatch_id))
}

async function write(ledger: RunLedger, moves: readonly RowMove[]): Promise<void> {
  await clearRows(
    ledger.tx,
    moves.flatMap((move) => (move.kind === 'clear' ? [move] : [])),
    ledger.now,
  )
  await settleStandingRows(
    ledger.tx,
    moves.flatMap((move) => (move.kind === 'settle' ? [move] : [])),
    ledger.now,
  )
}

function note(ledger: RunLedger, move: RowMove, order: RewriteOrder): void {
  const { row, from, to } = move
  const run = ledger.run(row.run_key)
  run.unfinished += countOf(to, isUnfinished) - countOf(from, isUnfinished)
  run.active += countOf(to, isActive) - countOf(from, isActive)
  if (from === 'scheduled') {
    run.waiting -= 1
    run.mustRefit = true
  }
  if (row.is_leaf === 1) run.failedLeaves += countOf(to, isFailed) - countOf(from, isFailed)
  const { task_id: taskId, map_index: mapIndex, try_number: tryNumber, dispatch_id: dispatchId } = row
  const detail = { reason: order.reason }
  ledger.audit(row.run_key, { actor: order.actor, taskId, mapIndex, tryNumber, dispatchId, from, to, detail })
}

/** Notes the rewrite, and queues again what had ended and has work again. */
async function rewriteRunRows(
  ledger: RunLedger,
  rows: readonly StandingRow[],
  moves: readonly RowMove[],
  order: RewriteOrder,
): Promise<void> {
  const after = new Map(moves.map((move) => [move.id, move.to]))
  const unfinished = new Set(
    rows.filter((row) => isUnfinished(after.get(row.id) ?? row.state)).map((row) => row.run_key),
  )
  const runs = ledger.runs
  for (const run of runs)
    run.rewrite = { by: order.actor, endsAs: order.run?.endsAs ?? null, detail: order.run?.detail }
  await noteRewrites(
    ledger.tx,
    runs.map((run) => run.row.run_key),
  )
  const reopened = runs.filter(
    ({ row }) => (row.state === 'success' || row.state === 'failed') && unfinished.has(row.run_key),
  )
  await reopenRuns(
    ledger,
    reopened.map((run) => run.row.run_key),
    order.actor,
  )
}

/** Queues ended runs again. */
export async function reopenRuns(ledger: RunLedger, runKeys: readonly number[], actor: string): Promise<void> {
  if (runKeys.length === 0) return
  const runs = runKeys.map((runKey) => ledger.run(runKey))
  await queueEndedRuns(
    ledger.tx,
    runs.map(({ row }) => ({ runKey: row.run_key, from: row.state })),
    ledger.now,
  )
  const counts = new Map<string, { running: number; queued: number }>()
  for (const run of runs) {
    const { dag_id: dagId, run_id: runId, state: from } = run.row
    counts.set(dagId, { running: 0, queued: (counts.get(dagId)?.queued ?? 0) + 1 })
    run.isReopened = true
    ledger.note({ event: 'dag_run.state', actor, dagId, runId, from, to: 'queued' })
  }
  await changeDagRunCounts(ledger.tx, counts)
}

function addressOf(row: StandingRow): TaskAddress {
  return { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index }
}

function countOf(state: TaskInstanceState, is: (state: TaskInstanceState) => boolean): number {
  return is(state) ? 1 : 0
}

function isUnfinished(state: TaskInstanceState): boolean {
  return !isTerminal(state)
}

function isActive(state: TaskInstanceState): boolean {
  return state === 'queued' || state === 'running'
}

function isFailed(state: TaskInstanceState): boolean {
  return state === 'failed' || state === 'upstream_failed'
}
