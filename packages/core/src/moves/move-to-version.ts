import { isTerminal } from '@fairlead/protocol'
import { pinRun, renumberTasks } from '../db/queries/change-versions.ts'
import { insertRunTaskInstances } from '../db/queries/create-runs.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import type { LockedRun } from '../db/queries/lock-runs.ts'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { changeVersion, isGone } from '../model/version-change.ts'
import { newTaskInstances } from './new-task-instances.ts'
import { holdRuns, type HeldRuns, type RowChange } from './rewrite-runs.ts'

/**
 * Runs that move to another version of their Dag while some of their task instances are cleared.
 *
 * Invariant 1: a run moves as a whole. What is under way and is not cleared would go on in code of the old version.
 * Invariant 2: task instances are the same by their tasks' ids. One whose task is gone is `removed`, once no process of
 * it can live; one whose task came back, or is new, is decided like any other.
 */

/** What keeps a run where it is: under way in the old version, and not to be cleared. Null when nothing does. */
export function findUnderWay(
  rows: readonly StandingRow[],
  cleared: ReadonlySet<string>,
  graph: VersionedGraph,
): StandingRow | null {
  const isUnderWay = ({ id, task_id: taskId, state }: StandingRow): boolean =>
    graph.indexOf.has(taskId) && !cleared.has(id) && !isTerminal(state) && state !== 'none' && state !== 'restarting'
  return rows.find(isUnderWay) ?? null
}

/** Moves held runs to a version. They are held again after it, with what becomes of the tasks that went and came back. */
export async function moveToVersion(
  held: HeldRuns,
  runKeys: ReadonlySet<number>,
  { graph, actor }: { readonly graph: VersionedGraph; readonly actor: string },
): Promise<{ readonly held: HeldRuns; readonly changes: readonly RowChange[] }> {
  const { tx, context } = held.ledger
  const runs = held.ledger.runs.map((run) => run.row).filter((run) => runKeys.has(run.run_key))
  for (const run of runs) {
    const rows = held.rows.filter((row) => row.run_key === run.run_key)
    await moveRun(held, { run, rows, graph })
  }
  const after = await holdRuns(
    tx,
    context,
    held.ledger.runs.map((run) => run.row.run_key),
  )
  for (const run of runs) {
    recount(after, run)
    const { dag_id: dagId, run_id: runId, version_id: from } = run
    after.ledger.note({ event: 'dag_run.version', actor, dagId, runId, detail: { from, to: graph.versionId } })
  }
  return { held: after, changes: after.rows.filter((row) => runKeys.has(row.run_key)).flatMap(changeOf) }
}

function changeOf(row: StandingRow): readonly RowChange[] {
  if (isGone(row)) return row.state === 'removed' ? [] : [{ kind: 'remove', row }]
  return row.state === 'removed' ? [{ kind: 'clear', row }] : []
}

interface MovingRun {
  readonly run: LockedRun
  readonly rows: readonly StandingRow[]
  readonly graph: VersionedGraph
}

async function moveRun({ ledger }: HeldRuns, { run, rows, graph }: MovingRun): Promise<void> {
  const { tx, context, now } = ledger
  const { run_key: runKey, dag_id: dagId, run_id: runId } = run
  const tasks = newTaskInstances(graph, context, { runKey, now })
  const { places, fresh } = changeVersion(rows, graph)
  await renumberTasks(
    tx,
    runKey,
    [...places].map(([from, to]) => ({ from, to, settings: tasks[to] ?? null })),
  )
  const { orderDate } = await pinRun(tx, runKey, graph.versionId)
  const added = new Set(fresh)
  await insertRunTaskInstances(
    tx,
    { runKey, dagId, runId, orderDate },
    tasks.filter((task) => added.has(task.taskIndex)),
  )
}

/** Counts what the version makes different: how many there are, and which of them are leaves. */
function recount({ ledger, rows }: HeldRuns, before: LockedRun): void {
  const own = rows.filter((row) => row.run_key === before.run_key)
  const run = ledger.run(before.run_key)
  run.unfinished += own.filter((row) => !isTerminal(row.state)).length - before.unfinished
  const isFailedLeaf = ({ is_leaf, state }: StandingRow): boolean =>
    is_leaf === 1 && (state === 'failed' || state === 'upstream_failed')
  run.failedLeaves += own.filter(isFailedLeaf).length - before.failed_leaves
  run.mustRefit = true
}
