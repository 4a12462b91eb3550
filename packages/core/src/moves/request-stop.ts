import { requestStopsOf } from '../db/queries/stop-requests.ts'
import type { StopReason } from '../db/queries/dispatches.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

/**
 * Has the processes of dispatches stopped, and says how many nobody had asked for before. Their schedulers go on with
 * it until each is confirmed gone; only then its slot is free.
 */
export async function requestStop(
  context: MoveContext,
  dispatchIds: readonly string[],
  reason: StopReason,
): Promise<number> {
  if (dispatchIds.length === 0) return 0
  return inTransaction(context, async (tx) => {
    const now = context.environment.clock.now()
    return (await requestStopsOf(tx, dispatchIds, { reason, now })).length
  })
}
