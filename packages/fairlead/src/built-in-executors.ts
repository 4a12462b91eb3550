export type { InProcessDag } from '@fairlead/executor-local'

/** The executors that need no module to be named. They are loaded by the path that any other takes. */
export const builtInExecutors: Readonly<Record<string, () => Promise<unknown>>> = {
  LocalExecutor: async () => (await import('@fairlead/executor-local')).LocalExecutor,
  SequentialExecutor: async () => (await import('@fairlead/executor-local')).SequentialExecutor,
  DebugExecutor: async () => (await import('@fairlead/executor-local')).DebugExecutor,
}

/** Runs the worker host of an executor in this process; null for a class that has none. */
export async function providedHostOf(
  executorClass: unknown,
): Promise<(typeof import('@fairlead/executor-local'))['runProvidedHost'] | null> {
  const { LocalExecutor, runProvidedHost } = await import('@fairlead/executor-local')
  const isLocal =
    executorClass === LocalExecutor ||
    (typeof executorClass === 'function' && executorClass.prototype instanceof LocalExecutor)
  return isLocal ? runProvidedHost : null
}

/** The executor where none is configured. */
export const DEFAULT_EXECUTOR = 'LocalExecutor'

/** What calls handlers in the process that tests their Dag. */
export async function loadInProcessExecutor(): Promise<
  (typeof import('@fairlead/executor-local'))['inProcessExecutor']
> {
  return (await import('@fairlead/executor-local')).inProcessExecutor
}
