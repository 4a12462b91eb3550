import { capabilitiesOf, type ExecutorCapabilities } from '@fairlead/executor'
import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import { chainOf } from '../model/lane.ts'

/** What is known of a configured executor without an instance. The first of a list is the default. */
export interface ExecutorFacts {
  readonly name: string
  /** By what else a Dag may name it. */
  readonly otherNames?: readonly string[]
  readonly executorClass: Partial<ExecutorCapabilities> & { readonly name?: string }
}

/** The executor that a Dag means by a name. */
export function executorNamed(executors: readonly ExecutorFacts[], name: string): ExecutorFacts | undefined {
  return (
    executors.find((executor) => executor.name === name) ??
    executors.find(({ otherNames = [] }) => otherNames.includes(name))
  )
}

/** What a Dag or a task names itself, in the order in which they are tried. */
export function namedExecutors(spec: Pick<TaskSpec, 'executor' | 'fallbackExecutors'>): readonly string[] {
  return chainOf(spec) ?? []
}

/** Every executor that may get a task: it must fit each. */
export function executorsOfTask(
  dag: DagSpec,
  task: TaskSpec,
  executors: readonly ExecutorFacts[],
): readonly ExecutorFacts[] {
  const own = namedExecutors(task)
  const names = own.length > 0 ? own : namedExecutors(dag)
  if (names.length === 0) return executors.slice(0, 1)
  return names.flatMap((name) => executorNamed(executors, name) ?? [])
}

/** The facts of an executor's class. */
export function factsOf({ executorClass }: ExecutorFacts): Required<ExecutorCapabilities> {
  return capabilitiesOf(executorClass)
}
