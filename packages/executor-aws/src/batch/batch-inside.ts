import type { Executor } from '@fairlead/executor'
import type { TaskInstanceRef } from '@fairlead/protocol'
import type { BatchApi } from './batch-api.ts'
import type { HealthItem } from './batch-health.ts'

/** What commands and views use of an executor, which need not have been started. */
export interface BatchInside {
  readonly name: string
  readonly api: BatchApi
  readonly jobQueues: readonly string[]
  /** Whether jobs can be submitted, watched, found and stopped. */
  checkHealth(signal: AbortSignal): Promise<readonly HealthItem[]>
  /** Id of the job of a task instance, or null. */
  locate(task: Pick<TaskInstanceRef, 'dispatchId' | 'externalId'>, signal: AbortSignal): Promise<string | null>
  /** Stops a job, and resolves when it has ended. */
  stopJob(jobId: string, reason: string, signal: AbortSignal): Promise<void>
}

/** Looks into an executor of this package; throws for any other. */
export type LookInside = (executor: Executor) => BatchInside
