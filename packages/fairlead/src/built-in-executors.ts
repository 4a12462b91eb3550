export type { InProcessDag } from '@fairlead/executor-local'

/** The executors that need no module to be named. They are loaded by the path that any other takes. */
export const builtInExecutors: Readonly<Record<string, () => Promise<unknown>>> = {
  LocalExecutor: async () => (await import('@fairlead/executor-local')).LocalExecutor,
  SequentialExecutor: async () => (await import('@fairlead/executor-local')).SequentialExecutor,
  DebugExecutor: async () => (await import('@fairlead/executor-local')).DebugExecutor,
  EcsExecutor: async () => (await installed(AWS, () => import('@fairlead/executor-aws/ecs'))).EcsExecutor,
  BatchExecutor: async () => (await installed(AWS, () => import('@fairlead/executor-aws/batch'))).BatchExecutor,
  LambdaExecutor: async () => (await installed(AWS, () => import('@fairlead/executor-aws/lambda'))).LambdaExecutor,
}

/** The executor where none is configured. */
export const DEFAULT_EXECUTOR = 'LocalExecutor'

/** What calls handlers in the process that tests their Dag. */
export async function loadInProcessExecutor(): Promise<
  (typeof import('@fairlead/executor-local'))['inProcessExecutor']
> {
  return (await import('@fairlead/executor-local')).inProcessExecutor
}

const AWS = '@fairlead/executor-aws'

/** A package that is installed only by those who use it: its dependencies are larger than everything else together. */
async function installed<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!isMissing) throw error
    throw new Error(`It is in the package ${name}, which is not installed. Run: npm install ${name}`, { cause: error })
  }
}
