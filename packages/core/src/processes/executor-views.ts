import type { Executor } from '@fairlead/executor'
import type { ExecutorStatus } from '../api/index.ts'
import type { ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { createExecutor } from './executor-host.ts'
import { executorStatuses } from './executor-statuses.ts'
import type { Installation } from './installation.ts'
import type { WorkerAddresses } from './worker-addresses.ts'

/** What an API knows of executors, wherever they run. */
export interface ExecutorViews {
  /** For logs of running work and for routes of the executor's own workers. */
  readonly instances: ReadonlyMap<string, Executor>
  statuses(): readonly ExecutorStatus[]
  /** What each could take if nothing were running on it, for `explain`. */
  offers(): ReadonlyMap<string, ExecutorOffer>
}

/** The executors of a scheduler in this process. */
export function schedulerViews(scheduler: Scheduler): ExecutorViews {
  const { executors } = scheduler.dispatcher
  return {
    instances: new Map([...executors].map(([name, { executor }]) => [name, executor])),
    statuses: () => executorStatuses(scheduler.dispatcher),
    offers: () => scheduler.dispatcher.offers,
  }
}

/** Executors that run in schedulers elsewhere: instances that are never started, and nothing of how they fare. */
export function distantViews(installation: Installation, addresses: WorkerAddresses): ExecutorViews {
  const instances = new Map(
    installation.executors.map((loaded) => [
      loaded.name,
      createExecutor(loaded, installation, addresses)(() => undefined),
    ]),
  )
  return {
    instances,
    statuses: () => [],
    offers: () =>
      new Map([...instances].map(([name, { parallelism }]) => [name, { kind: 'open', parallelism } as const])),
  }
}
