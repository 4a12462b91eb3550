import type { Dispatcher } from '../dispatch/dispatcher.ts'
import { advanceBackfills } from '../moves/advance-backfills.ts'
import { claimTaskInstances } from '../moves/claim-task-instances.ts'
import { createDueRuns } from '../moves/create-due-runs.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { releaseDueTaskInstances } from '../moves/release-due.ts'
import { startDagRuns } from '../moves/start-dag-runs.ts'

/** What one turn of the loop found. */
export type TickResult =
  | {
      readonly kind: 'done'
      readonly hasMore: boolean
      readonly nextMoment: number | null
      /** True when a process is to be stopped. */
      readonly hasStops: boolean
      /** True when an executor is draining. */
      readonly hasDrains: boolean
    }
  | { readonly kind: 'fenced' }

/**
 * One turn: settle what executors reported, admit, hand over, do what time has made due. Each step is a bounded
 * transaction, so a turn is short however much there is to do; `hasMore` asks for another at once. A turn that finds
 * nothing costs one transaction.
 */
export async function tick(context: MoveContext, dispatcher: Dispatcher, schedulerId: string): Promise<TickResult> {
  const events = await dispatcher.settleEvents()
  const claim = await claimTaskInstances(context, { id: schedulerId }, dispatcher.offers)
  if (claim.kind === 'fenced') return claim
  context.environment.faults.at('scheduler.afterClaim')
  await dispatcher.handOver(claim.tasks)
  const { nextMoment } = claim
  const isDue = nextMoment !== null && nextMoment <= context.environment.clock.now()
  if (isDue) await doWhatIsDue(context)
  const hasMore = events > 0 || isDue || claim.tasks.length > 0
  return { kind: 'done', hasMore, nextMoment, hasStops: claim.hasStops, hasDrains: claim.hasDrains }
}

async function doWhatIsDue(context: MoveContext): Promise<void> {
  await createDueRuns(context)
  await advanceBackfills(context)
  await releaseDueTaskInstances(context)
  await startDagRuns(context)
}
