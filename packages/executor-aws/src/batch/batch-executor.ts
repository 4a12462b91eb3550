import { BaseExecutor } from '@fairlead/executor'

/** Stands here until it is built. */
export class BatchExecutor extends BaseExecutor {
  override async start(): Promise<void> {
    throw new Error('BatchExecutor is not built yet.')
  }

  override async executeAsync(): Promise<null> {
    throw new Error('BatchExecutor is not built yet.')
  }

  override async sync(): Promise<void> {}
}
