import { BaseExecutor, type ExecutorHost } from '@fairlead/executor'
import type { ExecuteTask, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'
import { settleTaskInstances } from '../packages/core/src/moves/settle-task-instances.ts'
import { startTaskInstances } from '../packages/core/src/moves/start-task-instances.ts'

const WORKER = { hostname: 'here', unixname: 'me', pid: 7, nonce: 'n' }

/** Lets each workload run, and keeps it until the test or a stop ends it. Stops hold until the test lets them through. */
export class HeldExecutor extends BaseExecutor {
  override readonly syncIntervalMs = null
  readonly alive = new Map<string, ExecuteTask>()
  readonly asked: string[] = []
  stops = (): Promise<void> => Promise.resolve()
  readonly #context: () => MoveContext

  constructor(host: ExecutorHost, context: () => MoveContext) {
    super(host)
    this.#context = context
  }

  async executeAsync(workload: Workload): Promise<string | null> {
    if (workload.type !== 'ExecuteTask') return null
    const { id: taskInstanceId, dispatchId } = workload.taskInstance
    await startTaskInstances(this.#context(), [{ taskInstanceId, dispatchId, ...WORKER, startedAt: 0 }])
    this.alive.set(dispatchId, workload)
    return null
  }

  async sync(): Promise<void> {}

  override async revokeTask({ dispatchId }: TaskInstanceRef): Promise<void> {
    this.asked.push(dispatchId)
    await this.stops()
    await this.forget(dispatchId)
    this.alive.delete(dispatchId)
  }

  /** What runs reports success, and its process ends. */
  async succeed(): Promise<void> {
    for (const [dispatchId, { taskInstance }] of this.alive) {
      const said = { report: { state: 'success' as const, error: null }, exit: null, endedAt: null, actor: 'worker' }
      await settleTaskInstances(this.#context(), [
        { taskInstanceId: taskInstance.id, dispatchId: taskInstance.dispatchId, ...said },
      ])
      this.alive.delete(dispatchId)
      this.success(taskInstance.dispatchId)
    }
  }
}
