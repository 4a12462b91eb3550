import type { DagGraph } from './graph.ts'

/** What a run's task instances become when it moves to another version of its Dag: tasks are the same by their ids. */

/** A task instance by its task, as its run's version numbers it. */
export interface NumberedRow {
  readonly task_id: string
  readonly task_index: number
}

/** The tasks of a run under another version. */
export interface VersionChange {
  /** From each number to the new one: below zero for a task that the version does not have. */
  readonly places: ReadonlyMap<number, number>
  /** Tasks that the run has nothing of. */
  readonly fresh: readonly number[]
}

/** Numbers the tasks of a run anew. What is gone keeps a number of its own, whatever comes and goes after it. */
export function changeVersion(rows: readonly NumberedRow[], graph: DagGraph): VersionChange {
  const taskIds = new Map(rows.map((row) => [row.task_index, row.task_id]))
  let lowest = Math.min(0, ...taskIds.keys())
  const places = new Map<number, number>()
  for (const [from, taskId] of taskIds) {
    const to = graph.indexOf.get(taskId) ?? (from < 0 ? from : --lowest)
    places.set(from, to)
  }
  const known = new Set(places.values())
  return { places, fresh: [...graph.tasks.keys()].filter((index) => !known.has(index)) }
}

/** True for a task instance whose task its run's version does not have. */
export function isGone(row: { readonly task_index: number }): boolean {
  return row.task_index < 0
}
