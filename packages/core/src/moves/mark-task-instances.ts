import { isTerminal } from '@fairlead/protocol'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { selectTasks } from '../model/select-tasks.ts'
import type { RewriteAnswer } from './clear-task-instances.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { rewriteRuns, type HeldRuns, type RowChange } from './rewrite-runs.ts'
import { selectTaskInstances, type TaskInstanceSelection } from './select-task-instances.ts'

/** What to mark them as, or to cancel them: what has not settled fails, with the cause `cancelled`. */
export interface MarkOrder {
  readonly actor: string
  readonly isDryRun: boolean
  readonly mark: 'success' | 'failed' | 'skipped' | 'cancelled'
}

/**
 * Marks task instances, whatever they are, or cancels those that have not settled. Their processes are stopped. After a
 * mark, what is downstream of them and had failed is decided anew, as in Airflow.
 */
export function markTaskInstances(
  context: MoveContext,
  selection: TaskInstanceSelection,
  order: MarkOrder,
): Promise<RewriteAnswer> {
  return inTransaction(context, async (tx): Promise<RewriteAnswer> => {
    const selected = await selectTaskInstances(tx, context, selection)
    if (selected.kind !== 'selected') return selected
    const { held } = selected
    const rows = selected.rows.filter((row) => isMarked(row, order))
    if (order.isDryRun || rows.length === 0) return { kind: 'done', rows, stopping: 0 }
    const marks = rows.map((row): RowChange => ({ kind: 'settle', row, ...markOf(order) }))
    const clears = order.mark === 'cancelled' ? [] : await failedBelow(held, rows)
    const { actor } = order
    const reason = order.mark === 'cancelled' ? 'cancelled' : 'marked'
    const stopping = await rewriteRuns(held, [...marks, ...clears], { actor, reason })
    return { kind: 'done', rows, stopping: stopping.length }
  })
}

function isMarked(row: StandingRow, { mark }: MarkOrder): boolean {
  return mark === 'cancelled' ? !isTerminal(row.state) : row.state !== mark
}

function markOf({ mark }: MarkOrder): { to: 'success' | 'failed' | 'skipped'; cause: 'cancelled' | null } {
  return mark === 'cancelled' ? { to: 'failed', cause: 'cancelled' } : { to: mark, cause: null }
}

/** What failed downstream of the marked task instances, and is not marked itself. */
async function failedBelow({ ledger, rows }: HeldRuns, marked: readonly StandingRow[]): Promise<readonly RowChange[]> {
  const ids = new Set(marked.map((row) => row.id))
  const changes: RowChange[] = []
  for (const { row: run } of ledger.runs) {
    const taskIds = [...new Set(marked.filter((row) => row.run_key === run.run_key).map((row) => row.task_id))]
    const graph = await ledger.graphOf(run.run_key)
    const { indexes } = selectTasks(graph, { taskIds, includeUpstream: false, includeDownstream: true })
    for (const row of rows) {
      const isFailed = row.state === 'failed' || row.state === 'upstream_failed'
      if (row.run_key === run.run_key && isFailed && indexes.has(row.task_index) && !ids.has(row.id))
        changes.push({ kind: 'clear', row })
    }
  }
  return changes
}
