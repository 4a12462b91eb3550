import type { TaskInstanceRef } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

/** Adopts whatever it is asked about, without a look. */
export class AdoptsForeign extends OutsideExecutor {
  override async tryAdoptTaskInstances(refs: readonly TaskInstanceRef[]): Promise<readonly TaskInstanceRef[]> {
    for (const ref of refs) this.adopt(ref)
    return []
  }
}
