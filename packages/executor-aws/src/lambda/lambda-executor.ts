import { BaseExecutor } from '@fairlead/executor'

/** Stands here until it is built. */
export class LambdaExecutor extends BaseExecutor {
  override async start(): Promise<void> {
    throw new Error('LambdaExecutor is not built yet.')
  }

  override async executeAsync(): Promise<null> {
    throw new Error('LambdaExecutor is not built yet.')
  }

  override async sync(): Promise<void> {}
}
