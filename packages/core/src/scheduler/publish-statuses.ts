import type { Tx } from '../db/database.ts'
import { forgetDeadStatuses, writeExecutorStatuses } from '../db/queries/executor-status.ts'
import { factsOfClass } from '../dispatch/executor-facts.ts'
import type { ManagedExecutor } from '../dispatch/managed-executor.ts'

/** Writes how this scheduler's executors fare, for every process to read, and forgets what dead schedulers said. */
export async function publishStatuses(
  tx: Tx,
  executors: readonly ManagedExecutor[],
  by: { schedulerId: string; now: number },
): Promise<void> {
  const statuses = executors.map((managed, position) => ({
    executor: managed.name,
    position,
    condition: JSON.stringify(managed.condition),
    last_failure: managed.lastFailure === null ? null : JSON.stringify(managed.lastFailure),
    parallelism: managed.parallelism,
    held: managed.held,
    facts: JSON.stringify(factsOfClass(managed.executor.constructor)),
  }))
  await writeExecutorStatuses(tx, statuses, by)
  await forgetDeadStatuses(tx, by.now)
}
