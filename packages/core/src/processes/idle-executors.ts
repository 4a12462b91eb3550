import { ExecutorError, type Executor, type ExecutorEvent } from '@fairlead/executor'
import { executorStore } from '../dispatch/executor-store.ts'
import { hostOf, type HostSurroundings } from './executor-host.ts'
import type { LoadedExecutor } from './load-executors.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

/**
 * Executors that answer questions and run nothing: instances that are never started, made of the configured settings, one
 * for each executor and process, when somebody asks for the first time.
 */
export interface IdleExecutors {
  /** The configured executor of that name. */
  loaded(name: string): LoadedExecutor | undefined
  /** Throws what its constructor throws. */
  executor(name: string): Executor
}

/** Opens the idle executors of this process. */
export function openIdleExecutors(
  executors: readonly LoadedExecutor[],
  surroundings: HostSurroundings,
  addresses: WorkerAddresses,
): IdleExecutors {
  const instances = new Map<string, Executor>()
  const loaded = (name: string): LoadedExecutor | undefined => executors.find((executor) => executor.name === name)
  return {
    loaded,
    executor: (name) => {
      const known = instances.get(name)
      if (known !== undefined) return known
      const found = loaded(name)
      if (found === undefined) throw new Error(`No executor named "${name}" is configured.`)
      const host = hostOf(found, surroundings, addresses, {
        store: executorStore(surroundings.database, name),
        report: (event) => refuseReport(name, event),
      })
      const made = new found.executorClass(host)
      instances.set(name, made)
      return made
    },
  }
}

/** Nobody reads the events of an instance that no dispatch knows: losing one silently would leave its task running. */
export function refuseReport(name: string, { kind, dispatchId }: ExecutorEvent): never {
  throw new ExecutorError(
    'EXECUTOR_NOT_STARTED',
    `Executor "${name}" reports "${kind}" of dispatch ${dispatchId} from a process that runs none of its work. ` +
      'Keep what its running instance must know in host.store, and report it from sync.',
  )
}
