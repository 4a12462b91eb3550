import type { TaskInstanceRef } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Says that what it revoked is gone, and has only looked away. */
export class ForgetsOnRevoke extends OutsideExecutor {
  override async revokeTask({ dispatchId }: TaskInstanceRef): Promise<void> {
    await this.forget(dispatchId)
  }
}
