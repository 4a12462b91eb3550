import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { rewriteRuns } from './rewrite-runs.ts'
import { selectTaskInstances, type Selected, type TaskInstanceSelection } from './select-task-instances.ts'

/** What to do with the selected task instances. */
export interface ClearOrder {
  readonly actor: string
  /** Nothing is changed; the answer lists what would be. */
  readonly isDryRun: boolean
  /** Nothing is changed when one of them runs. */
  readonly preventsRunning: boolean
}

/** What became of an order: the task instances it concerns, as they were, and how many processes are being stopped. */
export type RewriteAnswer =
  | { readonly kind: 'done'; readonly rows: readonly StandingRow[]; readonly stopping: number }
  | { readonly kind: 'running'; readonly row: StandingRow }
  | Exclude<Selected, { kind: 'selected' }>

/**
 * Clears task instances: they run again, under their runs' versions. What runs is stopped first, and waits as
 * `restarting` until its process is confirmed gone; runs that have ended are queued again.
 */
export function clearTaskInstances(
  context: MoveContext,
  selection: TaskInstanceSelection,
  order: ClearOrder,
): Promise<RewriteAnswer> {
  return inTransaction(context, async (tx): Promise<RewriteAnswer> => {
    const selected = await selectTaskInstances(tx, context, selection)
    if (selected.kind !== 'selected') return selected
    const { held, rows } = selected
    const running = rows.find((row) => row.state === 'running')
    if (running !== undefined && order.preventsRunning) return { kind: 'running', row: running }
    if (order.isDryRun || rows.length === 0) return { kind: 'done', rows, stopping: 0 }
    const changes = rows.map((row) => ({ kind: 'clear' as const, row }))
    const stopping = await rewriteRuns(held, changes, { actor: order.actor, reason: 'cleared' })
    return { kind: 'done', rows, stopping: stopping.length }
  })
}
