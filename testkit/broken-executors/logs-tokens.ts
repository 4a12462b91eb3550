import type { Workload } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Logs the workload as a whole. */
export class LogsTokens extends OutsideExecutor {
  override async executeAsync(workload: Workload): Promise<string | null> {
    this.host.log.info('workload begins', { workload })
    return await super.executeAsync(workload)
  }
}
