export type { InProcessDag } from '@fairlead/executor-local'

/** The executors that need no module to be named. They are loaded by the path that any other takes. */
export const builtInExecutors: Readonly<Record<string, () => Promise<unknown>>> = {
  LocalExecutor: async () => (await import('@fairlead/executor-local')).LocalExecutor,
  SequentialExecutor: async () => (await import('@fairlead/executor-local')).SequentialExecutor,
  DebugExecutor: async () => (await import('@fairlead/executor-local')).DebugExecutor,
}

/** The executor where none is configured. */
export const DEFAULT_EXECUTOR = 'LocalExecutor'

/** What calls handlers in the process that tests their Dag. */
export async function loadInProcessExecutor(): Promise<
  (typeof import('@fairlead/executor-local'))['inProcessExecutor']
> {
  return (await import('@fairlead/executor-local')).inProcessExecutor
}
