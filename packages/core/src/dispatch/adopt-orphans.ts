import { adoptDispatches, findOrphans, type DispatchRow } from '../db/queries/dispatches.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { requestStop } from '../moves/request-stop.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { ManagedExecutor } from './managed-executor.ts'
import { mayLiveElsewhere, type SignsOfLife } from './signs-of-life.ts'
import { taskInstanceRefOf } from './workload-of.ts'

/** Who adopts, and with what. */
export interface AdoptionContext {
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly schedulerId: string
  readonly signsOfLife: SignsOfLife
  readonly log: Log
  readonly metrics: Metrics
}

const ORPHANS_PER_TURN = 500

/**
 * Takes over the work of schedulers that are gone, on one executor. What still lives is watched; what was queued and
 * is nowhere is handed over again under its dispatch id; what was running and is nowhere is lost, and says so; what is
 * no longer wanted is asked to stop. What lives out of this executor's sight, on another machine, is left to a scheduler
 * there, or to its silence.
 */
export async function adoptOrphans(
  adoption: AdoptionContext,
  executor: ManagedExecutor,
  signal: AbortSignal,
): Promise<void> {
  const { context, metrics } = adoption
  const { clock } = context.environment
  const startedAt = clock.monotonic()
  const tellDuration = (): void =>
    metrics.timing('executor.adopt_task_instances.duration', clock.monotonic() - startedAt, { executor: executor.name })
  for (let isFirst = true; ; isFirst = false) {
    const now = clock.now()
    const orphans = await context.database.transaction((tx) => findOrphans(tx, executor.name, now, ORPHANS_PER_TURN))
    if (orphans.length === 0) {
      if (!isFirst) tellDuration()
      return
    }
    context.environment.faults.at('adoption.beforeAdopt')
    const missing = await findMissing(executor, orphans, signal)
    const within = orphans.filter(
      (row) => !missing.has(row.dispatch_id) || !mayLiveElsewhere(row, context, adoption.signsOfLife),
    )
    const mine = await context.database.transaction((tx) =>
      adoptDispatches(
        tx,
        within.map((row) => row.dispatch_id),
        { schedulerId: adoption.schedulerId, now },
      ),
    )
    context.environment.faults.at('adoption.afterAdopt')
    await decide(adoption, executor, { orphans: within.filter((row) => mine.has(row.dispatch_id)), missing })
    if (within.length < ORPHANS_PER_TURN) return tellDuration()
  }
}

/** Dispatch ids that the executor does not know, neither as running nor as ended and not yet settled. */
async function findMissing(
  executor: ManagedExecutor,
  orphans: readonly DispatchRow[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const reported = new Set<string>(executor.events.map(({ event }) => event.dispatchId))
  const unknown = orphans
    .map(taskInstanceRefOf)
    .filter((ref) => !executor.holds(ref.dispatchId) && !reported.has(ref.dispatchId))
  if (unknown.length === 0) return new Set()
  const answer = await executor.adopt(unknown, signal)
  if (answer.kind === 'threw') throw answer.error
  if (answer.kind === 'timedOut') throw new Error(`Executor "${executor.name}" did not say in time what it can adopt.`)
  return new Set(answer.value.map((ref) => ref.dispatchId))
}

async function decide(
  { context, dispatcher, log, metrics }: AdoptionContext,
  executor: ManagedExecutor,
  { orphans, missing }: { orphans: readonly DispatchRow[]; missing: ReadonlySet<string> },
): Promise<void> {
  const unwanted = orphans.filter((row) => row.is_current === 0)
  const current = orphans.filter((row) => row.is_current === 1)
  const queuedAgain = current.filter((row) => missing.has(row.dispatch_id) && row.state === 'queued')
  const lost = current.filter((row) => missing.has(row.dispatch_id) && row.state === 'running')
  const gone = unwanted.filter((row) => missing.has(row.dispatch_id))
  if (gone.length > 0) {
    const exit = { kind: 'superseded' } as const
    await settleDispatches(
      context,
      gone.map((row) => ({ dispatchId: row.dispatch_id, exit, actor: 'adoption' })),
    )
  }
  const alive = unwanted.filter((row) => !missing.has(row.dispatch_id))
  await requestStop(
    context,
    alive.map((row) => row.dispatch_id),
    'superseded',
  )
  const detail = 'Its scheduler is gone and its executor knows nothing of it.'
  const losses = lost.map((row) => ({
    dispatchId: row.dispatch_id,
    exit: { kind: 'lost', detail } as const,
    actor: 'adoption',
  }))
  if (losses.length > 0) await settleDispatches(context, losses)
  if (queuedAgain.length > 0) await dispatcher.handOverDispatches(queuedAgain.map((row) => row.dispatch_id))
  const adopted = current.length - queuedAgain.length - lost.length
  const tags = { executor: executor.name }
  metrics.increment('scheduler.orphaned_tasks.adopted', tags, adopted)
  metrics.increment('scheduler.orphaned_tasks.cleared', tags, queuedAgain.length + lost.length)
  log.info('orphans adopted', { executor: executor.name, adopted, queuedAgain: queuedAgain.length, lost: lost.length })
}
