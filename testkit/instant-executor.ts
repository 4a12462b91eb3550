import { BaseExecutor, type ExecuteOptions, type ExecutorHost } from '@fairlead/executor'
import type { Workload } from '@fairlead/protocol'
import { settleTaskInstances } from '../packages/core/src/moves/settle-task-instances.ts'
import { startTaskInstances } from '../packages/core/src/moves/start-task-instances.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'

/** What a workload says about itself when it "runs". */
export type Play = (workload: Workload) => 'success' | 'failed' | 'up_for_retry' | 'never'

/**
 * Runs nothing: starts and settles each workload through the moves at once, in batches, as a worker would through the
 * API. What is left is the cost and the behaviour of scheduling.
 */
export class InstantExecutor extends BaseExecutor {
  override readonly syncIntervalMs = null
  protected override readonly launchConcurrency = 1_000_000
  readonly started: string[] = []
  readonly #context: () => MoveContext
  readonly #play: Play
  #batch: Workload[] = []

  constructor(host: ExecutorHost, context: () => MoveContext, play: Play = () => 'success') {
    super(host)
    this.#context = context
    this.#play = play
  }

  async executeAsync(workload: Workload, _options: ExecuteOptions): Promise<string | null> {
    if (this.#batch.length === 0) queueMicrotask(() => void this.#flush())
    this.#batch.push(workload)
    return null
  }

  async sync(): Promise<void> {}

  async #flush(): Promise<void> {
    const workloads = this.#batch.flatMap((workload) => (workload.type === 'ExecuteTask' ? [workload] : []))
    this.#batch = []
    const playing = workloads.filter((workload) => this.#play(workload) !== 'never')
    if (playing.length === 0) return
    const ids = playing.map(({ taskInstance }) => ({
      taskInstanceId: taskInstance.id,
      dispatchId: taskInstance.dispatchId,
    }))
    const now = this.host.clock.now()
    const identity = { hostname: 'here', unixname: 'nobody', pid: 1, nonce: null, startedAt: now }
    await startTaskInstances(
      this.#context(),
      ids.map((id) => ({ ...id, ...identity })),
    )
    for (const { taskInstance } of playing) this.started.push(taskInstance.taskId)
    await settleTaskInstances(
      this.#context(),
      playing.map((workload, index) => ({
        taskInstanceId: ids[index]?.taskInstanceId ?? '',
        dispatchId: ids[index]?.dispatchId ?? '',
        actor: 'worker',
        report: { state: this.#play(workload) as 'success', error: null },
        exit: null,
        endedAt: now,
      })),
    )
    for (const { dispatchId } of ids) this.success(dispatchId)
  }
}
