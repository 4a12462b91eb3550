import type { Executor, ExecutorHost } from '@fairlead/executor'
import { factsOfClass } from '../dispatch/executor-facts.ts'
import type { ConfiguredInstance } from '../dispatch/executor-overview.ts'
import { executorStore } from '../dispatch/executor-store.ts'
import type { Log } from '../observability/index.ts'
import type { Installation } from './installation.ts'
import type { LoadedExecutor } from './load-executors.ts'
import { workerEnvironmentOf } from './worker-environment.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

/** What executors of a process are given. */
export type HostSurroundings = Pick<Installation, 'config' | 'database' | 'environment' | 'log' | 'runFolder'>

/** Makes an executor of its class; `wake` is rung when it has events. */
export function createExecutor(
  loaded: LoadedExecutor,
  surroundings: HostSurroundings,
  addresses: WorkerAddresses,
): (wake: () => void) => Executor {
  const store = executorStore(surroundings.database, loaded.name)
  return (wake) => new loaded.executorClass(hostOf(loaded, surroundings, addresses, { store, report: () => wake() }))
}

/** Says of each executor that is not meant for production that it is not. */
export function warnOfDevelopment(executors: readonly LoadedExecutor[], log: Log): void {
  for (const { name, executorClass } of executors) {
    if (executorClass.isProduction) continue
    log.warn('executor is for development, not for production: configure another there', { executor: name })
  }
}

/** What the API says about an executor without an instance of it. */
export function configuredInstance(loaded: LoadedExecutor): ConfiguredInstance {
  const { name, executorClass } = loaded
  return {
    name,
    parallelism: parallelismOf(loaded),
    facts: factsOfClass(executorClass),
    executorConfigSchema: executorClass.executorConfigSchema,
  }
}

function parallelismOf({ parallelism, executorClass }: LoadedExecutor): number {
  return executorClass.isSingleThreaded ? 1 : parallelism
}

/** What an executor instance is given. */
export function hostOf(
  loaded: LoadedExecutor,
  { config, environment, log, runFolder }: Omit<HostSurroundings, 'database'>,
  addresses: WorkerAddresses,
  { store, report }: Pick<ExecutorHost, 'store' | 'report'>,
): ExecutorHost {
  const { name, settings, executorClass } = loaded
  return {
    name,
    settings,
    parallelism: parallelismOf(loaded),
    get apiUrl() {
      return executorClass.isLocal ? addresses.local() : addresses.remote()
    },
    runFolder: runFolder.forExecutor(name),
    logFolder: config.paths.logs,
    bundleFolder: config.paths.bundles,
    workerEnvironment: workerEnvironmentOf(loaded, config),
    clock: environment.clock,
    log: log.child({ executor: name }),
    store,
    report,
  }
}
