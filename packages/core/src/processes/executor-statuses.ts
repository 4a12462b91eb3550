import type { ExecutorStatus } from '../api/index.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Metrics } from '../observability/index.ts'

/** The executors of this process as the API shows them; the first is the default. */
export function executorStatuses(dispatcher: Dispatcher): readonly ExecutorStatus[] {
  return [...dispatcher.executors.values()].map(({ name, executor, offer }, index) => ({
    name,
    isDefault: index === 0,
    parallelism: executor.parallelism,
    occupied: executor.slotsOccupied,
    health: offer.kind === 'open' ? { kind: 'healthy' } : offer,
  }))
}

/** Says how full each executor is. */
export function gaugeExecutors(dispatcher: Dispatcher, metrics: Metrics): void {
  for (const { name, parallelism, occupied, health } of executorStatuses(dispatcher)) {
    metrics.gauge('executor.running_tasks', occupied, { executor: name })
    metrics.gauge('executor.open_slots', health.kind === 'healthy' ? Math.max(0, parallelism - occupied) : 0, {
      executor: name,
    })
  }
}
