import type { DagSpec } from '@fairlead/protocol'
import { CliError, EXIT_CODES } from '../cli/cli-error.ts'

type TaskSpec = DagSpec['tasks'][number]

/** The Dag with this task alone, which waits for nobody and is tried once. */
export function onlyTask(spec: DagSpec, taskId: string): DagSpec {
  const task = taskOf(spec, taskId)
  return {
    ...spec,
    tasks: [{ ...task, upstream: [], triggerRule: 'all_success', retry: { ...task.retry, retries: 0 } }],
  }
}

/** A task of a Dag. Throws, naming those that there are. */
export function taskOf({ dagId, tasks }: DagSpec, taskId: string): TaskSpec {
  const task = tasks.find((one) => one.taskId === taskId)
  if (task !== undefined) return task
  const known = tasks.map((one) => one.taskId).join(', ')
  throw new CliError(EXIT_CODES.notFound, `Dag "${dagId}" has no task "${taskId}". It has: ${known}.`)
}

/** Values for a task's inputs, as the tasks before it would have left them. Throws for a name that it does not take. */
export function xcomsOf(
  task: TaskSpec,
  values: Readonly<Record<string, unknown>>,
): ReadonlyArray<{ readonly taskId: string; readonly key: string; readonly json: string }> {
  const names = task.inputs.map(({ name }) => name)
  const unknown = Object.keys(values).find((name) => !names.includes(name))
  if (unknown !== undefined) {
    const known = names.length === 0 ? 'none' : names.join(', ')
    throw new CliError(
      EXIT_CODES.usage,
      `Task "${task.taskId}" takes no value "${unknown}" from another task. It takes: ${known}.`,
    )
  }
  return task.inputs.flatMap(({ name, taskId, key }) =>
    Object.hasOwn(values, name) ? [{ taskId, key, json: JSON.stringify(values[name]) }] : [],
  )
}
