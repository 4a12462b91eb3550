import type { WorkloadOptions } from '@fairlead/executor'
import type { Workload } from '@fairlead/protocol'
import { DelegatingExecutor } from './delegating-executor.ts'

/** Begins the lightest first, as Airflow 3.2 did. */
export class ReversesPriority extends DelegatingExecutor {
  override queueWorkload(workload: Workload, options: WorkloadOptions): void {
    if (workload.type !== 'ExecuteTask') return super.queueWorkload(workload, options)
    const { taskInstance } = workload
    const reversed = { ...taskInstance, priorityWeight: -taskInstance.priorityWeight }
    super.queueWorkload({ ...workload, taskInstance: reversed }, options)
  }
}
