import type { Executor, ExecutorEvent, ExecutorHost } from '@fairlead/executor'
import type { Config } from '../config/index.ts'
import type { Database } from '../db/database.ts'
import { executorStore } from '../dispatch/executor-store.ts'
import type { Clock } from '../model/environment.ts'
import type { Log } from '../observability/index.ts'
import type { LoadedExecutor } from './load-executors.ts'
import type { RunFolder } from './run-folder.ts'

/** What executors of this process are given. */
export interface HostSurroundings {
  readonly config: Config
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly runFolder: RunFolder
  /** Where the API listens, once it does. */
  apiUrl(): string
}

/** Makes an executor of its class; `wake` is rung when it has events. */
export function createExecutor(loaded: LoadedExecutor, surroundings: HostSurroundings): (wake: () => void) => Executor {
  return (wake) => new loaded.executorClass(hostOf(loaded, surroundings, wake))
}

/** Says of each executor that is not meant for production that it is not. */
export function warnOfDevelopment(executors: readonly LoadedExecutor[], log: Log): void {
  for (const { name, executorClass } of executors) {
    if (executorClass.isProduction) continue
    log.warn('executor is for development, not for production: configure another there', { executor: name })
  }
}

function hostOf(
  { name, settings, parallelism, executorClass }: LoadedExecutor,
  { config, database, clock, log, runFolder, apiUrl }: HostSurroundings,
  wake: () => void,
): ExecutorHost {
  return {
    name,
    settings,
    parallelism: executorClass.isSingleThreaded ? 1 : parallelism,
    get apiUrl() {
      return executorClass.isLocal ? `unix:${runFolder.apiSocket}` : (config.api.baseUrl ?? apiUrl())
    },
    runFolder: runFolder.forExecutor(name),
    logFolder: config.paths.logs,
    bundleFolder: config.paths.bundles,
    clock,
    log: log.child({ executor: name }),
    store: executorStore(database, name),
    report: (_event: ExecutorEvent) => wake(),
  }
}
