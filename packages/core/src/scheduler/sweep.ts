import type { WorkloadExit } from '@fairlead/protocol'
import type { DispatchRow } from '../db/queries/dispatches.ts'
import { mayLiveElsewhere } from '../dispatch/signs-of-life.ts'
import { taskInstanceRefOf } from '../dispatch/workload-of.ts'
import { requestStop } from '../moves/request-stop.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import { settleTaskInstances, type Settlement } from '../moves/settle-task-instances.ts'
import { look, type SweepContext } from './look.ts'

/** What a sweep remembers of the one before, to notice a stepped clock. */
export interface SweepState {
  lastNow: number
  lastMonotonic: number
  /** Until this monotonic moment silence is not held against anybody. */
  graceUntil: number | null
  /** Since which monotonic moment dispatches of this scheduler have been unwanted. */
  unwantedSince: ReadonlyMap<string, number>
}

const STEP_TOLERANCE_MS = 5_000
/** An executor may take this long to note what it was handed before the two are compared. */
const DRIFT_GRACE_MS = 30_000
/** A process may outlive its attempt for this long, to end by itself. */
const UNWANTED_GRACE_MS = 30_000

/**
 * Finds what nobody reported, each row on its own: one that cannot be handled is left, named, and never stops the rest.
 * Answers the executors that have work of schedulers that are gone.
 */
export async function sweep(deps: SweepContext, state: SweepState): Promise<readonly string[]> {
  const { clock } = deps.context.environment
  // Read once: a clock that is stepped while the sweep goes on is noticed by the next one.
  const now = clock.now()
  const isTrusted = trustClock(state, now, clock.monotonic(), deps.times.heartbeatTimeoutMs)
  const { silent, stuck, own, orphaned } = await look(deps, now)
  if (isTrusted) {
    await handleDrift(deps, own, now)
    await handleSilent(deps, silent)
    await handleStuck(deps, stuck)
  }
  await stopUnwanted(deps, state, own)
  return orphaned
}

/** False for a while after the wall clock was stepped: stored moments do not compare with it until workers reported anew. */
function trustClock(state: SweepState, now: number, monotonic: number, graceMs: number): boolean {
  const { lastNow, lastMonotonic } = state
  state.lastNow = now
  state.lastMonotonic = monotonic
  const step = now - lastNow - (monotonic - lastMonotonic)
  if (Math.abs(step) > STEP_TOLERANCE_MS) state.graceUntil = monotonic + graceMs
  if (state.graceUntil !== null && monotonic >= state.graceUntil) state.graceUntil = null
  return state.graceUntil === null
}

async function handleSilent(deps: SweepContext, rows: readonly DispatchRow[]): Promise<void> {
  const { heartbeatTimeoutMs } = deps.times
  const exit = { kind: 'lost', detail: `No heartbeat for ${heartbeatTimeoutMs} ms.` } as const
  await eachRow(deps, rows, async (row) => {
    // Where its executor is configured no more, nobody could confirm its end: its silence has to do.
    if (!deps.dispatcher.executors.has(row.executor)) await settleLost(deps, row, exit)
    else if (!(await giveUp(deps, row, { exit, actor: 'sweep' }))) return
    deps.metrics.increment('task_instances_without_heartbeats_killed', { dag_id: row.dag_id })
  })
}

async function handleStuck(deps: SweepContext, rows: readonly DispatchRow[]): Promise<void> {
  const { queuedTimeoutMs } = deps.times
  const exit = { kind: 'neverStarted', detail: `Queued for more than ${queuedTimeoutMs} ms.` } as const
  await eachRow(deps, rows, async (row) => {
    if (!(await giveUp(deps, row, { exit, actor: 'stuck_in_queued', isOfQueued: true }))) return
    deps.metrics.increment('scheduler.tasks.stuck_in_queued', { executor: row.executor })
  })
}

/**
 * Settles an attempt, and has its process stopped until that is confirmed; false where somebody else settled it first.
 * Stopped only after winning: a task that has started in between is left alone.
 */
async function giveUp(
  { context }: SweepContext,
  { task_instance_id: taskInstanceId, dispatch_id: dispatchId }: DispatchRow,
  end: Pick<Settlement, 'exit' | 'actor' | 'isOfQueued'>,
): Promise<boolean> {
  context.environment.faults.at('sweep.beforeSettle')
  const [answer] = await settleTaskInstances(context, [
    { taskInstanceId, dispatchId, report: null, endedAt: null, ...end },
  ])
  context.environment.faults.at('sweep.afterSettle')
  if (answer?.kind !== 'moved') return false
  await requestStop(context, [dispatchId], 'superseded')
  return true
}

/** Leases of this scheduler whose executor knows nothing of them. The leases are right; the executor forgot. */
async function handleDrift(deps: SweepContext, own: readonly DispatchRow[], now: number): Promise<void> {
  const { context, dispatcher, metrics } = deps
  const forgotten = own.filter((row) => {
    const executor = dispatcher.executors.get(row.executor)
    if (row.created_at > now - DRIFT_GRACE_MS) return false
    // What is being stopped is forgotten before it is confirmed gone, and only the confirmation frees its slot.
    if (row.stop_requested_at !== null) return false
    if (mayLiveElsewhere(row, context, deps.signsOfLife)) return false
    return (
      executor?.condition.kind === 'healthy' && !dispatcher.isKnown(row.executor, taskInstanceRefOf(row).dispatchId)
    )
  })
  await eachRow(deps, forgotten, async (row) => {
    metrics.increment('executor.slot_drift', { executor: row.executor })
    await settleLost(deps, row, { kind: 'lost', detail: `Executor "${row.executor}" no longer knows of it.` })
  })
}

/** Slots of attempts that are over, or were replaced, and whose processes do not end by themselves: asked to stop. */
async function stopUnwanted({ context }: SweepContext, state: SweepState, own: readonly DispatchRow[]): Promise<void> {
  const unwanted = own.filter((row) => row.is_current === 0 && row.stop_requested_at === null)
  const now = context.environment.clock.monotonic()
  const since = new Map(unwanted.map((row) => [row.dispatch_id, state.unwantedSince.get(row.dispatch_id) ?? now]))
  state.unwantedSince = since
  const overdue = unwanted.filter((row) => now - (since.get(row.dispatch_id) ?? now) >= UNWANTED_GRACE_MS)
  const dispatchIds = overdue.map((row) => row.dispatch_id)
  if (dispatchIds.length > 0) await requestStop(context, dispatchIds, 'superseded')
}

async function settleLost({ context }: SweepContext, row: DispatchRow, exit: WorkloadExit): Promise<void> {
  context.environment.faults.at('sweep.beforeSettle')
  await settleDispatches(context, [{ dispatchId: row.dispatch_id, exit, actor: 'sweep' }])
  context.environment.faults.at('sweep.afterSettle')
}

async function eachRow(
  deps: SweepContext,
  rows: readonly DispatchRow[],
  handle: (row: DispatchRow) => Promise<void>,
): Promise<void> {
  for (const row of rows) {
    try {
      await handle(row)
    } catch (error) {
      deps.metrics.increment('scheduler.quarantined')
      deps.log.error('sweep could not handle a row', { dispatchId: row.dispatch_id, taskId: row.task_id, error })
    }
  }
}
