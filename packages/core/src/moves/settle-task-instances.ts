import type {
  FailureCause,
  RefusalReason,
  TaskError,
  TaskInstanceState,
  TaskStateReport,
  WorkloadExit,
} from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { readDispatches } from '../db/queries/dispatches.ts'
import { lockRunsOfTaskInstances } from '../db/queries/lock-runs.ts'
import {
  findArchived,
  readTaskInstances,
  relaunchRows,
  renewRows,
  settleRows,
  type EndColumns,
  type TaskInstanceRow,
} from '../db/queries/move-task-instances.ts'
import { resolveOutcome, type Outcome } from '../model/resolve-outcome.ts'
import { launchBackoffMs, retryDelayMs } from '../model/retry-delay.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { propagate, type SettledTask } from './propagate.ts'
import { RunLedger } from './run-ledger.ts'

/**
 * The end of tries: the one place where a task instance leaves `queued` or `running`.
 *
 * Invariant 1: an attempt settles once; whoever comes later is answered `repeated` or `refused`, and changes nothing.
 * Invariant 2: everything that follows from the end is written in the same transaction.
 */

/** What somebody says about the end of an attempt. */
export interface Settlement {
  readonly taskInstanceId: string
  readonly dispatchId: string
  /** Who says it: `worker`, `executor`, `sweep`. */
  readonly actor: string
  readonly report: { readonly state: TaskStateReport['state']; readonly error: TaskError | null } | null
  readonly exit: WorkloadExit | null
  /** When it ended, by the reporter's clock; the server's when null. */
  readonly endedAt: number | null
  /** True when it says something only about an attempt that has not started. */
  readonly isOfQueued?: true
}

/** What became of a settlement. */
export type SettleAnswer =
  | { readonly kind: 'moved'; readonly to: TaskInstanceState }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state: TaskInstanceState }
  | { readonly kind: 'archived' }
  | { readonly kind: 'notFound' }

/** Settles many attempts in one transaction; answers in the order asked. */
export function settleTaskInstances(context: MoveContext, settlements: readonly Settlement[]): Promise<SettleAnswer[]> {
  return inTransaction(
    context,
    (tx) => settleIn(tx, context, settlements),
    (answers) => answers.some(({ kind }) => kind === 'moved'),
  )
}

/** The same inside a transaction that is already open and holds no run. */
export async function settleIn(
  tx: Tx,
  context: MoveContext,
  settlements: readonly Settlement[],
): Promise<SettleAnswer[]> {
  const ids = settlements.map((settlement) => settlement.taskInstanceId)
  const ledger = new RunLedger(tx, context, await lockRunsOfTaskInstances(tx, ids))
  const rows = new Map((await readTaskInstances(tx, ids)).map((row) => [row.id, row]))
  const missing = ids.filter((id) => !rows.has(id))
  const archived = missing.length === 0 ? new Set<string>() : await findArchived(tx, missing)
  const drained = await drainedDispatches(tx, settlements)
  const ends: EndedAttempt[] = []
  const claimed = new Set<string>()
  const answers = settlements.map((settlement): SettleAnswer => {
    const row = rows.get(settlement.taskInstanceId)
    if (row === undefined) return archived.has(settlement.taskInstanceId) ? { kind: 'archived' } : { kind: 'notFound' }
    const refusal = refuse(row, settlement)
    if (refusal !== null) return refusal
    if (claimed.has(row.id)) return { kind: 'repeated' }
    const said = drained.has(settlement.dispatchId) ? { ...settlement, report: null } : settlement
    const outcome = outcomeOf(row, said, context.launchBudget)
    if (outcome.kind === 'ignore') return { kind: 'refused', reason: 'superseded', state: row.state }
    claimed.add(row.id)
    ends.push({ row, settlement, outcome })
    return { kind: 'moved', to: stateAfter(outcome) }
  })
  await write(ledger, ends)
  await ledger.close()
  return answers
}

/**
 * Dispatches whose workers say of themselves that they were stopped, and that a drain had stopped: as if their executor had
 * said it, their tasks begin again elsewhere, at the cost of no try.
 */
async function drainedDispatches(tx: Tx, settlements: readonly Settlement[]): Promise<ReadonlySet<string>> {
  const stopped = settlements.filter(({ report, exit }) => report !== null && exit?.kind === 'shutdown')
  if (stopped.length === 0) return new Set()
  const rows = await readDispatches(
    tx,
    stopped.map(({ dispatchId }) => dispatchId),
  )
  return new Set(rows.filter((row) => row.stop_reason === 'drained').map((row) => row.dispatch_id))
}

interface EndedAttempt {
  readonly row: TaskInstanceRow
  readonly settlement: Settlement
  readonly outcome: Exclude<Outcome, { kind: 'ignore' }>
}

function refuse(row: TaskInstanceRow, settlement: Settlement): SettleAnswer | null {
  if (row.dispatch_id !== settlement.dispatchId) return { kind: 'refused', reason: 'superseded', state: row.state }
  if (settlement.report !== null && row.state === settlement.report.state) return { kind: 'repeated' }
  if (settlement.isOfQueued && row.state !== 'queued')
    return { kind: 'refused', reason: 'invalid_state', state: row.state }
  // Only a process that was let run may report a state; how a process ended also concerns one still queued.
  const isOpen = row.state === 'running' || (row.state === 'queued' && settlement.report === null)
  return isOpen ? null : { kind: 'refused', reason: 'not_running', state: row.state }
}

function outcomeOf(row: TaskInstanceRow, settlement: Settlement, launchBudget: number): Outcome {
  return resolveOutcome({
    report: settlement.report,
    exit: seenFrom(row.state, settlement.exit),
    tryNumber: row.try_number,
    maxTries: row.max_tries,
    launchAttempts: row.launch_attempts + 1,
    launchBudget,
  })
}

/** A death before `/run` is a launch that failed; one that claims never to have started after it did is a loss. */
function seenFrom(state: TaskInstanceState, exit: WorkloadExit | null): WorkloadExit | null {
  if (exit === null) return null
  if (state === 'running' && exit.kind === 'neverStarted') return { kind: 'lost', detail: exit.detail }
  if (
    state === 'queued' &&
    (exit.kind === 'exited' || exit.kind === 'signaled' || exit.kind === 'lost' || exit.kind === 'shutdown')
  ) {
    return { kind: 'neverStarted', detail: `The process ended before the task was let run: ${JSON.stringify(exit)}` }
  }
  return exit
}

function stateAfter(outcome: EndedAttempt['outcome']): TaskInstanceState {
  switch (outcome.kind) {
    case 'settled':
      return outcome.state
    case 'retry':
    case 'restart':
      return 'up_for_retry'
    case 'relaunch':
      return 'scheduled'
    default:
      return outcome satisfies never
  }
}

async function write(ledger: RunLedger, ends: readonly EndedAttempt[]): Promise<void> {
  for (const { row, settlement, outcome } of ends) {
    const run = ledger.run(row.run_key)
    run.active -= 1
    if (outcome.kind === 'relaunch') run.waiting += 1
    const { task_id: taskId, map_index: mapIndex, try_number: tryNumber, dispatch_id: dispatchId } = row
    const detail = outcome.cause === null ? undefined : { cause: outcome.cause, exit: settlement.exit ?? undefined }
    const moved = { from: row.state, to: stateAfter(outcome) }
    ledger.audit(row.run_key, { actor: settlement.actor, taskId, mapIndex, tryNumber, dispatchId, ...moved, detail })
  }
  await writeRelaunches(ledger, ends)
  await writeRetries(ledger, ends)
  await propagate(ledger, await writeSettled(ledger, ends))
}

async function writeSettled(ledger: RunLedger, ends: readonly EndedAttempt[]): Promise<readonly SettledTask[]> {
  const settled: SettledTask[] = []
  const moves = ends.flatMap(({ row, settlement, outcome }) => {
    if (outcome.kind !== 'settled') return []
    settled.push({ runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index, state: outcome.state })
    return [{ id: row.id, from: row.state, to: outcome.state, ...columnsOf(settlement, outcome.cause, ledger.now) }]
  })
  if (moves.length > 0) await settleRows(ledger.tx, moves)
  return settled
}

async function writeRetries(ledger: RunLedger, ends: readonly EndedAttempt[]): Promise<void> {
  const { random } = ledger.context.environment
  const moves: Parameters<typeof renewRows>[1][number][] = []
  for (const { row, settlement, outcome } of ends) {
    if (outcome.kind !== 'retry' && outcome.kind !== 'restart') continue
    const isRestart = outcome.kind === 'restart'
    moves.push({
      id: row.id,
      newId: random.uuid(ledger.now),
      readyAt: ledger.now + (isRestart ? 0 : await retryDelayOf(ledger, row)),
      extraTries: isRestart ? 1 : 0,
      ...columnsOf(settlement, outcome.cause, ledger.now),
    })
  }
  if (moves.length > 0) await renewRows(ledger.tx, moves)
}

async function retryDelayOf(ledger: RunLedger, row: TaskInstanceRow): Promise<number> {
  const graph = await ledger.graphOf(row.run_key)
  const policy = graph.tasks[row.task_index]?.spec.retry
  return policy === undefined ? 0 : retryDelayMs(policy, row.try_number, ledger.context.environment.random.unit())
}

async function writeRelaunches(ledger: RunLedger, ends: readonly EndedAttempt[]): Promise<void> {
  const { random } = ledger.context.environment
  const moves = ends.flatMap(({ row, settlement, outcome }) => {
    if (outcome.kind !== 'relaunch') return []
    const readyAt = ledger.now + launchBackoffMs(row.launch_attempts + 1, random.unit())
    return [{ id: row.id, readyAt, cause: outcome.cause, exit: jsonOf(settlement.exit) }]
  })
  if (moves.length > 0) await relaunchRows(ledger.tx, moves)
}

function columnsOf(settlement: Settlement, cause: FailureCause | null, now: number): EndColumns {
  return {
    endedAt: settlement.endedAt ?? now,
    cause,
    exit: jsonOf(settlement.exit),
    error: jsonOf(settlement.report?.error ?? null),
  }
}

function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}
