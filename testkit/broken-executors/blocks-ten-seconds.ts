import type { TaskInstanceRef } from '@fairlead/protocol'
import { OutsideExecutor } from './outside-executor.ts'

const BLOCK_MS = 10_000

/** Keeps the event loop for ten seconds while it looks for the log of what it does not know. */
export class BlocksTenSeconds extends OutsideExecutor {
  override async getTaskLog(ref: TaskInstanceRef, tryNumber: number): Promise<AsyncIterable<string> | null> {
    if (ref.externalId === null) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCK_MS)
    return await super.getTaskLog(ref, tryNumber)
  }
}
