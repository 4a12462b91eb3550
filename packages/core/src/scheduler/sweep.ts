import type { WorkloadExit } from '@fairlead/protocol'
import { ageWaiting } from '../db/queries/claims.ts'
import { findSilent, findStuck, readDispatchesOf, type DispatchRow } from '../db/queries/dispatches.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { mayLiveElsewhere, type SignsOfLife } from '../dispatch/signs-of-life.ts'
import { taskInstanceRefOf } from '../dispatch/workload-of.ts'
import { settleTaskInstances } from '../moves/settle-task-instances.ts'
import { requestStop } from '../moves/request-stop.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import type { MoveContext } from '../moves/move-context.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SchedulerTimes } from './scheduler-times.ts'

/** What sweeps work with. */
export interface SweepContext {
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly schedulerId: string
  readonly signsOfLife: SignsOfLife
  readonly times: SchedulerTimes
  readonly log: Log
  readonly metrics: Metrics
}

/** What a sweep remembers of the one before, to notice a stepped clock. */
export interface SweepState {
  lastNow: number
  lastMonotonic: number
  /** Until this monotonic moment silence is not held against anybody. */
  graceUntil: number | null
  /** Since which monotonic moment dispatches of this scheduler have been unwanted. */
  unwantedSince: ReadonlyMap<string, number>
}

const ROWS_PER_SWEEP = 200
const AGED_PER_SWEEP = 2_000
const STEP_TOLERANCE_MS = 5_000
/** An executor may take this long to note what it was handed before the two are compared. */
const DRIFT_GRACE_MS = 30_000
/** A process may outlive its attempt for this long, to end by itself. */
const UNWANTED_GRACE_MS = 30_000

/** Finds what nobody reported, each row on its own: one that cannot be handled is left, named, and never stops the rest. */
export async function sweep(deps: SweepContext, state: SweepState, signal: AbortSignal): Promise<void> {
  const { clock } = deps.context.environment
  // Read once: a clock that is stepped while the sweep goes on is noticed by the next one.
  const now = clock.now()
  if (trustClock(state, now, clock.monotonic(), deps.times.heartbeatTimeoutMs)) {
    await sweepSilent(deps, now, signal)
    await sweepStuck(deps, now)
    await sweepDrift(deps, now)
  }
  await sweepUnwanted(deps, state)
  const { ageingMs } = deps.times
  if (ageingMs > 0) {
    await deps.context.database.transaction((tx) => ageWaiting(tx, clock.now(), ageingMs, AGED_PER_SWEEP))
  }
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

async function sweepSilent(deps: SweepContext, now: number, signal: AbortSignal): Promise<void> {
  const { context, times, metrics } = deps
  const since = now - times.heartbeatTimeoutMs
  const rows = await context.database.transaction((tx) => findSilent(tx, since, ROWS_PER_SWEEP))
  await eachRow(deps, rows, async (row) => {
    // Stopped first, where its executor can still reach it: what is requeued must not run twice for long.
    await deps.dispatcher.executors.get(row.executor)?.revoke(taskInstanceRefOf(row), signal)
    await settleLost(deps, row, { kind: 'lost', detail: `No heartbeat for ${times.heartbeatTimeoutMs} ms.` })
    metrics.increment('task_instances_without_heartbeats_killed', { dag_id: row.dag_id })
  })
}

async function sweepStuck(deps: SweepContext, now: number): Promise<void> {
  const { context, times, metrics } = deps
  const rows = await findForgotten(deps, now)
  await eachRow(deps, rows, async (row) => {
    const exit = { kind: 'neverStarted' as const, detail: `Queued for more than ${times.queuedTimeoutMs} ms.` }
    const settlement = { taskInstanceId: row.task_instance_id, dispatchId: row.dispatch_id, actor: 'stuck_in_queued' }
    context.environment.faults.at('sweep.beforeSettle')
    const [answer] = await settleTaskInstances(context, [
      { ...settlement, report: null, exit, endedAt: null, isOfQueued: true },
    ])
    context.environment.faults.at('sweep.afterSettle')
    // Revoked only after winning: a task that has started in between is left alone.
    if (answer?.kind !== 'moved') return
    metrics.increment('scheduler.tasks.stuck_in_queued', { executor: row.executor })
    await requestStop(context, [row.dispatch_id], 'superseded')
  })
}

/** What has been queued for too long, less what its executor says it waits for: that is not stuck, and none of its fault. */
async function findForgotten(
  { context, dispatcher, schedulerId, times }: SweepContext,
  now: number,
): Promise<DispatchRow[]> {
  const since = now - times.queuedTimeoutMs
  const forgotten: DispatchRow[] = []
  let page: DispatchRow[]
  let after = ''
  do {
    const from = { after, limit: ROWS_PER_SWEEP }
    page = await context.database.transaction((tx) => findStuck(tx, { since, schedulerId, now }, from))
    after = page.at(-1)?.dispatch_id ?? after
    forgotten.push(
      ...page.filter(
        (row) =>
          (dispatcher.executors.get(row.executor)?.waitingFor(taskInstanceRefOf(row).dispatchId) ?? null) === null,
      ),
    )
  } while (page.length === ROWS_PER_SWEEP && forgotten.length < ROWS_PER_SWEEP)
  return forgotten
}

/** Leases of this scheduler whose executor knows nothing of them. The leases are right; the executor forgot. */
async function sweepDrift(deps: SweepContext, now: number): Promise<void> {
  const { context, dispatcher, metrics } = deps
  const createdBy = now - DRIFT_GRACE_MS
  const rows = await context.database.transaction((tx) => readDispatchesOf(tx, deps.schedulerId, createdBy))
  const forgotten = rows.filter((row) => {
    const executor = dispatcher.executors.get(row.executor)
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
async function sweepUnwanted(deps: SweepContext, state: SweepState): Promise<void> {
  const { context } = deps
  const { clock } = context.environment
  const rows = await context.database.transaction((tx) => readDispatchesOf(tx, deps.schedulerId, clock.now()))
  const unwanted = rows.filter((row) => row.is_current === 0 && row.stop_requested_at === null)
  const now = clock.monotonic()
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
