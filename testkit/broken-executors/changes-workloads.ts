import type { WorkloadOptions } from '@fairlead/executor'
import type { Workload } from '@fairlead/protocol'
import { DelegatingExecutor } from './delegating-executor.ts'

/** Writes a note into the workload that it was handed. */
export class ChangesWorkloads extends DelegatingExecutor {
  override queueWorkload(workload: Workload, options: WorkloadOptions): void {
    Object.assign(workload, { seenBy: this.name })
    super.queueWorkload(workload, options)
  }
}
