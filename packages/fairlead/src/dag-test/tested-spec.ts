import type { DagSpec, TaskSpec } from '@fairlead/protocol'
import type { DagTestOptions } from '@fairlead/sdk'

/** A Dag as a test runs it: by hand, at once, and through one executor whatever its tasks ask for. */
export function testedSpec(spec: DagSpec, options: DagTestOptions): DagSpec {
  return {
    ...spec,
    schedule: { kind: 'manual' },
    isPausedUponCreation: false,
    executor: null,
    tasks: spec.tasks.map((task) => testedTask(task, options)),
  }
}

function testedTask(task: TaskSpec, { markSuccessPattern, honourRetryDelays = false }: DagTestOptions): TaskSpec {
  const isMarked = markSuccessPattern !== undefined && new RegExp(markSuccessPattern).test(task.taskId)
  return {
    ...task,
    executor: null,
    ...(isMarked ? { program: NOTHING } : {}),
    retry: honourRetryDelays ? task.retry : { ...task.retry, delayMs: 0, maxDelayMs: 0 },
  }
}

/** Succeeds, on any executor. */
const NOTHING: TaskSpec['program'] = { kind: 'shell', command: ':', env: {}, cwd: null, skipOnExitCode: null }
