import { OutsideExecutor } from './outside-executor.ts'

/** Never comes back from `sync`. */
export class HangsInSync extends OutsideExecutor {
  override sync(): Promise<void> {
    return new Promise(() => undefined)
  }
}
