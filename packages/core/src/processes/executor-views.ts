import type { Executor } from '@fairlead/executor'
import type { ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { overviewOfExecutors, type ExecutorOverview } from '../dispatch/executor-overview.ts'
import { configuredInstance, createExecutor } from './executor-host.ts'
import type { Installation } from './installation.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

/** What an API knows of executors, wherever they run. */
export interface ExecutorViews {
  /** For logs of running work and for routes of the executor's own workers. */
  readonly instances: ReadonlyMap<string, Executor>
  /** What each could take if nothing were running on it, for `explain`. */
  offers(): Promise<ReadonlyMap<string, ExecutorOffer>>
}

/** The executors of a scheduler in this process. */
export function schedulerViews(scheduler: Scheduler): ExecutorViews {
  const { executors } = scheduler.dispatcher
  return {
    instances: new Map([...executors].map(([name, { executor }]) => [name, executor])),
    offers: async () => scheduler.dispatcher.offers,
  }
}

/** Executors that run in schedulers elsewhere: instances that are never started, and what schedulers wrote of how they fare. */
export function distantViews(installation: Installation, addresses: WorkerAddresses): ExecutorViews {
  const instances = new Map(
    installation.executors.map((loaded) => [
      loaded.name,
      createExecutor(loaded, installation, addresses)(() => undefined),
    ]),
  )
  return {
    instances,
    offers: () => offersOf(installation),
  }
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
    case 'stopped':
      return { kind: 'unhealthy', reason: `it is ${state.kind}` }
    default:
      return { kind: 'unhealthy', reason: 'no scheduler that is alive has it' }
  }
}
