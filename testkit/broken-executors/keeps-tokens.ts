import { dispatchIdOf, type Workload } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Keeps each workload in its rows for ever. */
export class KeepsTokens extends OutsideExecutor {
  override async executeAsync(workload: Workload): Promise<string | null> {
    await this.host.store.set(`job/${dispatchIdOf(workload)}`, workload)
    return await super.executeAsync(workload)
  }
}
