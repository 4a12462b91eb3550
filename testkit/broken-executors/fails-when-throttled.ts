import { isOutcomeUnknown } from '@fairlead/executor'
import type { Workload } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Takes a throttle for a refusal. */
export class FailsWhenThrottled extends OutsideExecutor {
  override async executeAsync(workload: Workload): Promise<string | null> {
    try {
      return await super.executeAsync(workload)
    } catch (error) {
      if (isOutcomeUnknown(error)) throw new Error(`gave up: ${String(error)}`)
      throw error
    }
  }
}
