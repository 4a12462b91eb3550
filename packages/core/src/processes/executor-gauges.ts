import type { Database } from '../db/database.ts'
import { EXECUTOR_STATUSES, overviewOfExecutors, type ConfiguredInstance } from '../dispatch/executor-overview.ts'
import type { Metrics } from '../observability/index.ts'

/** Says how full each executor is and how it fares, from the leases and from what schedulers wrote. */
export async function gaugeExecutors(
  database: Database,
  configured: readonly ConfiguredInstance[],
  now: number,
  metrics: Metrics,
): Promise<void> {
  for (const { name, openSlots, work, state } of await overviewOfExecutors(database, configured, now)) {
    const tags = { executor: name }
    metrics.gauge('executor.open_slots', openSlots, tags)
    metrics.gauge('executor.queued_tasks', work.queued, tags)
    metrics.gauge('executor.running_tasks', work.running, tags)
    metrics.gauge('executor.waiting_tasks', work.waiting, tags)
    for (const kind of EXECUTOR_STATUSES)
      metrics.gauge('executor.state', kind === state.kind ? 1 : 0, { ...tags, state: kind })
  }
}
