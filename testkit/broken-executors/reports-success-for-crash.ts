import type { WorkloadExit } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'
import type { OutsideJob } from './outside.ts'

/** Takes the end of a process for its success, whatever signal it died of. */
export class ReportsSuccessForCrash extends OutsideExecutor {
  protected override exitOf(job: OutsideJob): WorkloadExit | null {
    return job.exit?.kind === 'signaled' ? { kind: 'exited', exitCode: 0 } : job.exit
  }
}
