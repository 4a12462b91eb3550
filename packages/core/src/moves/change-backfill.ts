import { appendAudit } from '../db/queries/audit.ts'
import {
  cancelDatesAhead,
  changeOpenBackfill,
  findBackfill,
  readQueuedRunKeys,
  type BackfillRow,
} from '../db/queries/backfills.ts'
import type { Tx } from '../db/database.ts'
import { endHeldRuns } from './end-dag-run.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { holdRuns } from './rewrite-runs.ts'

/** Which backfill, and who asks. */
export interface BackfillOrder {
  readonly id: number
  readonly actor: string
}

/** What became of it. */
export type BackfillAnswer = { readonly kind: 'moved' } | { readonly kind: 'over' } | { readonly kind: 'notFound' }

/** Pauses a backfill, or lets it go on: paused, it creates no more runs; those that it has go on. */
export function setBackfillPaused(
  context: MoveContext,
  order: BackfillOrder & { readonly isPaused: boolean },
): Promise<BackfillAnswer> {
  return changing(context, order, async (tx, { now, backfill }) => {
    await changeOpenBackfill(tx, order.id, { is_paused: order.isPaused ? 1 : 0, updated_at: now })
    return { event: order.isPaused ? 'backfill.paused' : 'backfill.unpaused', detail: { backfill: backfill.id } }
  })
}

/** Cancels a backfill: its dates ahead are given up, its queued runs fail as cancelled, and what runs goes on. */
export function cancelBackfill(context: MoveContext, order: BackfillOrder): Promise<BackfillAnswer> {
  return changing(context, order, async (tx, { now, backfill }) => {
    await changeOpenBackfill(tx, order.id, { completed_at: now, updated_at: now })
    const dates = await cancelDatesAhead(tx, order.id)
    const runKeys = await readQueuedRunKeys(tx, order.id)
    if (runKeys.length > 0)
      await endHeldRuns(await holdRuns(tx, context, runKeys), { as: 'cancelled', actor: order.actor })
    return { event: 'backfill.cancelled', detail: { backfill: backfill.id, dates, runs: runKeys.length } }
  })
}

interface Changing {
  readonly now: number
  readonly backfill: BackfillRow
}

function changing(
  context: MoveContext,
  { id, actor }: BackfillOrder,
  change: (tx: Tx, at: Changing) => Promise<{ readonly event: string; readonly detail: unknown }>,
): Promise<BackfillAnswer> {
  return inTransaction(context, async (tx): Promise<BackfillAnswer> => {
    const now = context.environment.clock.now()
    // The write takes the row before it is read: two who cancel at once must not both do so.
    if (!(await changeOpenBackfill(tx, id, { updated_at: now })))
      return (await findBackfill(tx.query, id)) === undefined ? { kind: 'notFound' } : { kind: 'over' }
    const backfill = await findBackfill(tx.query, id)
    if (backfill === undefined) return { kind: 'notFound' }
    const { event, detail } = await change(tx, { now, backfill })
    await appendAudit(tx, [{ event, actor, dagId: backfill.dag_id, detail }], now)
    return { kind: 'moved' }
  })
}
