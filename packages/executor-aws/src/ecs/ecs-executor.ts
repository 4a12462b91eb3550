import { BaseExecutor } from '@fairlead/executor'

/** Stands here until it is built. */
export class EcsExecutor extends BaseExecutor {
  override async start(): Promise<void> {
    throw new Error('EcsExecutor is not built yet.')
  }

  override async executeAsync(): Promise<null> {
    throw new Error('EcsExecutor is not built yet.')
  }

  override async sync(): Promise<void> {}
}
