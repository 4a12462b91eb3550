import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import { priorityWeights } from './priority-weight.ts'

/** A Dag's shape by task index, so that moves address tasks by number and never search by name. */
export interface DagGraph {
  readonly spec: DagSpec
  readonly tasks: readonly GraphTask[]
  readonly indexOf: ReadonlyMap<string, number>
}

/** One task with its neighbours. */
export interface GraphTask {
  readonly spec: TaskSpec
  readonly index: number
  readonly upstream: readonly number[]
  readonly downstream: readonly number[]
  readonly setupUpstreams: number
  readonly isLeaf: boolean
  /** By its weight rule. */
  readonly priorityWeight: number
}

/** Indexes a Dag. Its tasks keep the order of the spec, which is topological. */
export function dagGraph(spec: DagSpec): DagGraph {
  const indexOf = new Map(spec.tasks.map((task, index) => [task.taskId, index]))
  const upstream = spec.tasks.map((task) => task.upstream.map((id) => indexOfTask(indexOf, id, spec.dagId)))
  const downstream: number[][] = spec.tasks.map(() => [])
  for (const [index, indexes] of upstream.entries()) for (const up of indexes) downstream[up]?.push(index)
  const shape = spec.tasks.map((task, index) => ({
    spec: task,
    index,
    upstream: upstream[index] ?? [],
    downstream: downstream[index] ?? [],
  }))
  const weights = priorityWeights(shape)
  const tasks = shape.map((task, index) => ({
    ...task,
    priorityWeight: weights[index] ?? 0,
    setupUpstreams: (upstream[index] ?? []).filter((up) => spec.tasks[up]?.isSetup).length,
    isLeaf: (downstream[index] ?? []).length === 0,
  }))
  return { spec, tasks, indexOf }
}

function indexOfTask(indexOf: ReadonlyMap<string, number>, taskId: string, dagId: string): number {
  const index = indexOf.get(taskId)
  if (index === undefined) throw new Error(`Dag "${dagId}" names an upstream task "${taskId}" that it does not have.`)
  return index
}
