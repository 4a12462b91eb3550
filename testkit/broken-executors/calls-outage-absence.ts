import type { TaskInstanceRef } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Takes no answer for the answer that nothing is there. */
export class CallsOutageAbsence extends OutsideExecutor {
  override async tryAdoptTaskInstances(
    refs: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    try {
      return await super.tryAdoptTaskInstances(refs, signal)
    } catch {
      // The bug of this one: it knows nothing, and says that nothing is there.
      return refs
    }
  }
}
