import { appendAudit } from '../db/queries/audit.ts'
import { deleteDrain, readDrains, upsertDrain } from '../db/queries/drains.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

/** What a drain is to do, and who wants it. */
export interface DrainOrder {
  readonly executor: string
  /** Where waiting work goes; null: it waits. */
  readonly to: string | null
  readonly moveRunning: boolean
  /** Frees slots whose processes nobody can confirm to be gone: those of an executor that no scheduler has. */
  readonly isForced: boolean
  readonly actor: string
}

/** What became of an order. `toDraining`: the executor that work was to go to is itself being drained. */
export type DrainAnswer = { readonly kind: 'ordered' } | { readonly kind: 'toDraining'; readonly to: string }

/** Orders a drain, or changes the one in force. Every scheduler follows it from its next claim on. */
export function orderDrain(context: MoveContext, order: DrainOrder): Promise<DrainAnswer> {
  return inTransaction(context, async (tx): Promise<DrainAnswer> => {
    const { executor, to, moveRunning, isForced, actor } = order
    const drains = await readDrains(tx.query)
    if (to !== null && drains.some((row) => row.executor === to)) return { kind: 'toDraining', to }
    const now = context.environment.clock.now()
    const orders = { move_to: to, move_running: moveRunning ? 1 : 0, is_forced: isForced ? 1 : 0, actor }
    await upsertDrain(tx, { executor, ...orders, started_at: now, moved: 0 })
    const detail = { executor, to, moveRunning, isForced }
    await appendAudit(tx, [{ event: 'executor.drain', actor, detail }], now)
    return { kind: 'ordered' }
  })
}

/** Ends a drain; what it has moved stays where it is. False when there was none. */
export function endDrain(
  context: MoveContext,
  { executor, actor }: { executor: string; actor: string },
): Promise<boolean> {
  return inTransaction(context, async (tx) => {
    const moved = await deleteDrain(tx, executor)
    if (moved === null) return false
    const entry = { event: 'executor.undrain', actor, detail: { executor, moved } }
    await appendAudit(tx, [entry], context.environment.clock.now())
    return true
  })
}
