import type { Executor } from '@fairlead/executor'
import type { ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { overviewOfExecutors, type ExecutorOverview } from '../dispatch/executor-overview.ts'
import { configuredInstance } from './executor-host.ts'
import { openIdleExecutors, type IdleExecutors } from './idle-executors.ts'
import type { Installation } from './installation.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

/** What an API knows of executors, wherever they run. */
export interface ExecutorViews {
  /** For routes of the executor's own workers. */
  readonly instances: ReadonlyMap<string, Executor>
  /** For what is asked of an executor beside its work: logs, views. */
  readonly idle: IdleExecutors
  /** What each could take if nothing were running on it, for `explain`. */
  offers(): Promise<ReadonlyMap<string, ExecutorOffer>>
}

/** The executors of a scheduler in this process. */
export function schedulerViews(scheduler: Scheduler, idle: IdleExecutors): ExecutorViews {
  const { executors } = scheduler.dispatcher
  return {
    instances: new Map([...executors].map(([name, { executor }]) => [name, executor])),
    idle,
    offers: async () => scheduler.dispatcher.offers,
  }
}

/** Executors that run in schedulers elsewhere: instances that are never started, and what schedulers wrote of how they fare. */
export function distantViews(installation: Installation, addresses: WorkerAddresses): ExecutorViews {
  const { executors, log } = installation
  const idle = openIdleExecutors(executors, installation, addresses)
  const instances = executors.flatMap(({ name, executorClass }) => {
    if (executorClass.getApiRoutes === undefined) return []
    try {
      return [[name, idle.executor(name)] as const]
    } catch (error) {
      log.error('executor could not be made, and has no routes here', { executor: name, error })
      return []
    }
  })
  return { instances: new Map(instances), idle, offers: () => offersOf(installation) }
}

async function offersOf({ database, executors, environment }: Installation) {
  const overview = await overviewOfExecutors(database, executors.map(configuredInstance), environment.clock.now())
  return new Map(
    overview
      .filter(({ state }) => state.kind !== 'unconfigured')
      .map((executor): [string, ExecutorOffer] => [executor.name, offerOf(executor)]),
  )
}

function offerOf({ state, parallelism, schedulers }: ExecutorOverview): ExecutorOffer {
  if (schedulers.some(({ condition }) => condition.kind === 'healthy')) return { kind: 'open', parallelism }
  switch (state.kind) {
    case 'degraded':
      return { kind: 'unhealthy', reason: state.reason }
    case 'starting':
      return { kind: 'starting' }
    case 'stopped':
      return { kind: 'unhealthy', reason: 'it is stopped' }
    default:
      return { kind: 'unhealthy', reason: 'no scheduler that is alive has it' }
  }
}
