import type { Chaos } from './chaos.ts'
import type { Kernel } from './kernel.ts'
import type { RandomStream } from './random-stream.ts'
import type { Trace } from './trace.ts'

/** What every part of a simulated world shares. */
export interface Surroundings {
  readonly kernel: Kernel
  readonly trace: Trace
  readonly stream: RandomStream
  readonly chaos: Chaos
}
