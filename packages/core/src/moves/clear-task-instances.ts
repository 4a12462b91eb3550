import type { Tx } from '../db/database.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import { readDag } from '../db/queries/dag-rows.ts'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { findUnderWay, moveToVersion } from './move-to-version.ts'
import { rewriteRuns, type HeldRuns, type RowChange } from './rewrite-runs.ts'
import { selectHeld, selectTaskInstances, type Selected, type TaskInstanceSelection } from './select-task-instances.ts'

/** What to do with the selected task instances. */
export interface ClearOrder {
  readonly actor: string
  /** Nothing is changed; the answer lists what would be. */
  readonly isDryRun: boolean
  /** Nothing is changed when one of them runs. */
  readonly preventsRunning: boolean
  /** Runs move to the latest version of their Dag, and the selection is read by it. */
  readonly isOnLatestVersion?: boolean
}

/** What became of an order: the task instances it concerns, as they were, and how many processes are being stopped. */
export type RewriteAnswer =
  | { readonly kind: 'done'; readonly rows: readonly StandingRow[]; readonly stopping: number }
  | { readonly kind: 'running'; readonly row: StandingRow }
  | Exclude<Selected, { kind: 'selected' }>

/** The same, or what keeps a run from moving to the latest version: it is under way, and is not to be cleared. */
export type ClearAnswer =
  | RewriteAnswer
  | { readonly kind: 'underWay'; readonly row: StandingRow; readonly runId: string }

/**
 * Clears task instances: they run again, under their runs' versions or their Dag's latest. What runs is stopped first,
 * and waits as `restarting` until its process is confirmed gone; runs that have ended are queued again.
 */
export function clearTaskInstances(
  context: MoveContext,
  selection: TaskInstanceSelection,
  order: ClearOrder,
): Promise<ClearAnswer> {
  return inTransaction(context, async (tx): Promise<ClearAnswer> => {
    const latest = order.isOnLatestVersion === true ? await latestVersion(tx, context, selection.dagId) : null
    const selected = await selectTaskInstances(tx, context, selection, latest)
    if (selected.kind !== 'selected') return selected
    const running = selected.rows.find((row) => row.state === 'running')
    if (running !== undefined && order.preventsRunning) return { kind: 'running', row: running }
    if (latest !== null) return clearOnVersion(selected, selection, { order, latest })
    return clearOrList(selected, order)
  })
}

type Held = Pick<Extract<Selected, { kind: 'selected' }>, 'held' | 'rows'>

async function clearOnVersion(
  { held, rows }: Held,
  selection: TaskInstanceSelection,
  { order, latest }: { readonly order: ClearOrder; readonly latest: VersionedGraph },
): Promise<ClearAnswer> {
  const moving = movingRuns({ held, rows }, selection, latest)
  const underWay = findUnderWay(
    held.rows.filter((row) => moving.has(row.run_key)),
    new Set(rows.map((row) => row.id)),
    latest,
  )
  if (underWay !== null) return { kind: 'underWay', row: underWay, runId: held.ledger.run(underWay.run_key).row.run_id }
  if (order.isDryRun) return unchanged(rows)
  if (moving.size === 0) return clearOrList({ held, rows }, order)
  const moved = await moveToVersion(held, moving, { graph: latest, actor: order.actor })
  const again = await selectHeld(moved.held, selection, latest)
  if (again.kind !== 'selected') throw new Error('A selection does not hold under the locks it was made under.')
  return clear(moved.held, again.rows, order, moved.changes)
}

function clearOrList({ held, rows }: Held, order: ClearOrder): RewriteAnswer | Promise<RewriteAnswer> {
  return order.isDryRun || rows.length === 0 ? unchanged(rows) : clear(held, rows, order)
}

function unchanged(rows: readonly StandingRow[]): RewriteAnswer {
  return { kind: 'done', rows, stopping: 0 }
}

async function latestVersion(tx: Tx, { graphs }: MoveContext, dagId: string): Promise<VersionedGraph | null> {
  const dag = await readDag(tx, dagId)
  return dag === undefined ? null : graphs.of(tx, dag.version_id)
}

/** The runs of another version of which something is cleared, be it a task that they do not have yet. */
function movingRuns(
  { held, rows }: Held,
  { states, tasks }: TaskInstanceSelection,
  latest: VersionedGraph,
): ReadonlySet<number> {
  const chosen = new Set(rows.map((row) => row.run_key))
  const wanted = states === null ? (tasks.taskIds ?? [...latest.indexOf.keys()]) : []
  const hasNew = (runKey: number): boolean => {
    const known = new Set(held.rows.filter((row) => row.run_key === runKey).map((row) => row.task_id))
    return wanted.some((taskId) => !known.has(taskId))
  }
  const runs = held.ledger.runs.map((run) => run.row).filter((run) => run.version_id !== latest.versionId)
  return new Set(runs.map((run) => run.run_key).filter((runKey) => chosen.has(runKey) || hasNew(runKey)))
}

async function clear(
  held: HeldRuns,
  rows: readonly StandingRow[],
  { actor }: ClearOrder,
  others: readonly RowChange[] = [],
): Promise<RewriteAnswer> {
  const changed = new Set(others.map(({ row }) => row.id))
  const clears = rows.filter((row) => !changed.has(row.id)).map((row) => ({ kind: 'clear' as const, row }))
  const stopping = await rewriteRuns(held, [...others, ...clears], { actor, reason: 'cleared' })
  return { kind: 'done', rows, stopping: stopping.length }
}
