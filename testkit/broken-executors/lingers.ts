import type { ExecutorHost } from '@fairlead/executor'
import { OutsideExecutor } from './outside-executor.ts'

/** Starts a timer when it is made, and never stops it. */
export class Lingers extends OutsideExecutor {
  readonly timer: NodeJS.Timeout

  constructor(host: ExecutorHost) {
    super(host)
    this.timer = setInterval(() => undefined, 60_000)
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    // For the sake of the test alone: what it left behind would count against the next one.
    clearInterval(this.timer)
  }
}
