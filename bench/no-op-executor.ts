import { BaseExecutor, type ExecutorHost, type LaunchResult, type QueuedWorkload } from '@fairlead/executor'
import type { ExecuteTask } from '@fairlead/protocol'
import { settleTaskInstances } from '../packages/core/src/moves/settle-task-instances.ts'
import { startTaskInstances } from '../packages/core/src/moves/start-task-instances.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'

/** What becomes of a workload: it succeeds at once, or it holds its slot for ever. */
export type Play = (workload: ExecuteTask) => 'success' | 'never'

/**
 * Takes a batch in one call, as executors with batch APIs do, and runs nothing: each workload starts and succeeds at
 * once, through the moves that the Task Execution API makes. What is left is the cost of scheduling.
 */
export class NoOpExecutor extends BaseExecutor {
  override readonly syncIntervalMs = null
  protected override readonly maxBatchSize = 512
  settled = 0
  /** Called for each workload as it arrives. */
  onWorkload: (workload: ExecuteTask) => void = () => undefined
  readonly #context: () => MoveContext
  readonly #play: Play
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(host: ExecutorHost, context: () => MoveContext, play: Play) {
    super(host)
    this.#context = context
    this.#play = play
  }

  async executeAsync(): Promise<string | null> {
    throw new Error('Workloads come in batches.')
  }

  async sync(): Promise<void> {}

  /** Resolves when nothing of it is under way. */
  async drained(): Promise<void> {
    await this.#underWay
  }

  protected override async executeBatch(batch: readonly QueuedWorkload[]): Promise<readonly LaunchResult[]> {
    const workloads = batch.flatMap(({ workload }) => (workload.type === 'ExecuteTask' ? [workload] : []))
    for (const workload of workloads) this.onWorkload(workload)
    const run = this.#run(workloads.filter((workload) => this.#play(workload) === 'success'))
    this.#underWay = Promise.all([this.#underWay, run])
    return batch.map(() => ({ kind: 'accepted', externalId: null }))
  }

  async #run(workloads: readonly ExecuteTask[]): Promise<void> {
    if (workloads.length === 0) return
    const now = this.host.clock.now()
    const ids = workloads.map(({ taskInstance: { id, dispatchId } }) => ({ taskInstanceId: id, dispatchId }))
    const worker = { hostname: 'bench', unixname: 'bench', pid: 1, nonce: null, startedAt: now }
    const started = await startTaskInstances(
      this.#context(),
      ids.map((one) => ({ ...one, ...worker })),
    )
    const report = { state: 'success', error: null } as const
    const answers = await settleTaskInstances(
      this.#context(),
      ids.map((one) => ({ ...one, actor: 'worker', report, exit: null, endedAt: now })),
    )
    const isWrong = started.some(({ kind }) => kind !== 'started') || answers.some(({ kind }) => kind !== 'moved')
    if (isWrong) throw new Error('A workload was not accepted once.')
    for (const { dispatchId } of ids) this.success(dispatchId)
    this.settled += ids.length
  }
}
