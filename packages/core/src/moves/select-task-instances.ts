import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import type { StandingRow } from '../db/queries/rewrite-runs.ts'
import { findRunKeys, type RunSelection } from '../db/queries/select-runs.ts'
import { selectTasks, type TaskSelection } from '../model/select-tasks.ts'
import type { MoveContext } from './move-context.ts'
import { holdRuns, type HeldRuns } from './rewrite-runs.ts'

/** Task instances of one Dag. */
export interface TaskInstanceSelection {
  readonly dagId: string
  readonly runs: RunSelection
  readonly tasks: TaskSelection
  /** Only these map indexes of the named tasks, by task id; a task that is absent is taken whole. */
  readonly mapIndexes: ReadonlyMap<string, ReadonlySet<number>>
  /** Null for every state. */
  readonly states: ReadonlySet<TaskInstanceState> | null
}

/** What was found, under its locks. */
export type Selected =
  | { readonly kind: 'selected'; readonly held: HeldRuns; readonly rows: readonly StandingRow[] }
  | { readonly kind: 'runNotFound' }
  | { readonly kind: 'taskNotFound'; readonly taskId: string }

/** Finds task instances and holds their runs. Each run is read by its own version of the Dag, or all by this one. */
export async function selectTaskInstances(
  tx: Tx,
  context: MoveContext,
  selection: TaskInstanceSelection,
  version: VersionedGraph | null = null,
): Promise<Selected> {
  const runKeys = await findRunKeys(tx, selection.dagId, selection.runs)
  if (runKeys === null) return { kind: 'runNotFound' }
  return selectHeld(await holdRuns(tx, context, runKeys), selection, version)
}

/** The same of runs that are held. */
export async function selectHeld(
  held: HeldRuns,
  selection: TaskInstanceSelection,
  version: VersionedGraph | null,
): Promise<Selected> {
  const selected = new Map<number, ReadonlySet<string>>()
  const known = new Set<string>()
  const runKeys = held.ledger.runs.map((run) => run.row.run_key)
  for (const runKey of runKeys) {
    const graph = version ?? (await held.ledger.graphOf(runKey))
    const { indexes, unknown } = selectTasks(graph, selection.tasks)
    selected.set(runKey, new Set([...indexes].flatMap((index) => graph.tasks[index]?.spec.taskId ?? [])))
    for (const taskId of selection.tasks.taskIds ?? []) if (!unknown.includes(taskId)) known.add(taskId)
  }
  const missing = (selection.tasks.taskIds ?? []).find((taskId) => !known.has(taskId))
  if (missing !== undefined && runKeys.length > 0) return { kind: 'taskNotFound', taskId: missing }
  const rows = held.rows.filter(
    (row) => selected.get(row.run_key)?.has(row.task_id) === true && isWanted(row, selection),
  )
  return { kind: 'selected', held, rows }
}

function isWanted(row: StandingRow, { mapIndexes, states }: TaskInstanceSelection): boolean {
  if (states !== null && !states.has(row.state)) return false
  return mapIndexes.get(row.task_id)?.has(row.map_index) ?? true
}
