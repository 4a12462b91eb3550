import { OutsideExecutor } from './outside-executor.ts'

/** Never starts. */
export class ThrowsInStart extends OutsideExecutor {
  override start(): Promise<void> {
    return Promise.reject(new Error('the gangway is up'))
  }
}
