import type { DagGraph } from './graph.ts'

/** Tasks of a Dag by name, and what goes with them. */
export interface TaskSelection {
  /** Null for every task. */
  readonly taskIds: readonly string[] | null
  readonly includeUpstream: boolean
  readonly includeDownstream: boolean
}

/** The selected tasks by index, and the names that the Dag does not have. */
export function selectTasks(
  graph: DagGraph,
  selection: TaskSelection,
): { readonly indexes: ReadonlySet<number>; readonly unknown: readonly string[] } {
  if (selection.taskIds === null) return { indexes: new Set(graph.tasks.keys()), unknown: [] }
  const named = selection.taskIds.flatMap((taskId) => graph.indexOf.get(taskId) ?? [])
  const indexes = new Set(named)
  if (selection.includeUpstream) for (const index of reach(graph, named, 'upstream')) indexes.add(index)
  if (selection.includeDownstream) for (const index of reach(graph, named, 'downstream')) indexes.add(index)
  return { indexes, unknown: selection.taskIds.filter((taskId) => !graph.indexOf.has(taskId)) }
}

/** Every task that can be reached from these in one direction; the tasks themselves only where they reach each other. */
function reach(graph: DagGraph, from: readonly number[], direction: 'upstream' | 'downstream'): ReadonlySet<number> {
  const reached = new Set<number>()
  const open = [...from]
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    for (const next of graph.tasks[index]?.[direction] ?? []) {
      if (reached.has(next)) continue
      reached.add(next)
      open.push(next)
    }
  }
  return reached
}
