import type { ExecutorStatus } from '../api/index.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'

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
