import {
  BaseExecutor,
  outcomeUnknown,
  type ExecutorHost,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, ExecuteTask, TaskInstanceRef, Workload, WorkloadExit } from '@fairlead/protocol'
import { knownKeys } from './known-keys.ts'
import { OutsideError, type Outside, type OutsideJob, type Weather } from './outside.ts'

/** Runs workloads at an {@link Outside}. It keeps every invariant; the broken ones break it in one place each. */
export class OutsideExecutor extends BaseExecutor {
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly servesLiveLogs: boolean = true
  static override readonly isLocal: boolean = true
  static override readonly maxPayloadBytes: number = 100_000
  static override readonly configSchema: StandardSchema = knownKeys(['outside'])
  static override readonly executorConfigSchema: StandardSchema = knownKeys(['label'])

  override readonly syncIntervalMs: number = 100
  protected readonly outside: Outside
  #unwatch: () => void = () => undefined

  constructor(host: ExecutorHost) {
    super(host)
    this.outside = host.settings['outside'] as Outside
  }

  override async start(_signal: AbortSignal): Promise<void> {
    this.outside.ping()
    this.#unwatch()
    this.#unwatch = this.outside.watch(this.name, (job) => this.#onEnd(job))
  }

  override async executeAsync(workload: Workload): Promise<string | null> {
    const task = workload as ExecuteTask
    const { apiUrl, logFolder, bundleFolder } = this.host
    try {
      const place = { apiUrl, logFolder, bundleFolder }
      return this.outside.submit(task.taskInstance.dispatchId, this.name, task, place)
    } catch (error) {
      if (error instanceof OutsideError && error.mayHaveWorked) throw outcomeUnknown(error.message, error)
      throw error
    }
  }

  override async sync(_options: SyncOptions): Promise<void> {
    const known = this.runningWorkloads.map(({ dispatchId }) => dispatchId)
    const jobs = new Map(this.outside.find(this.name, known).map((job) => [dispatchOf(job), job]))
    for (const dispatchId of known) {
      const job = jobs.get(dispatchId)
      if (job === undefined) this.fail(dispatchId, { kind: 'lost', detail: 'the outside does not know it any more' })
      else if (job.exit !== null) this.#onEnd(job)
      else this.running(dispatchId, job.jobId)
    }
  }

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    _signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const keys = taskInstances.map(({ dispatchId }) => dispatchId)
    const jobs = new Map(this.outside.find(this.name, keys).map((job) => [dispatchOf(job), job]))
    return taskInstances.filter((taskInstance) => {
      const job = jobs.get(taskInstance.dispatchId)
      if (job === undefined) return true
      this.adopt(taskInstance, job.jobId)
      if (job.exit !== null) this.#onEnd(job)
      return false
    })
  }

  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await this.forget(dispatchId)
    await this.outside.stop(dispatchId)
  }

  override async getTaskLog({ externalId }: TaskInstanceRef, _try: number): Promise<AsyncIterable<string> | null> {
    if (externalId === null) return null
    const text = this.outside.log(externalId)
    return (async function* () {
      yield text
    })()
  }

  /** Work goes on at the outside, where the next instance finds it. */
  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    this.#unwatch()
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    this.#unwatch()
    await this.outside.stopAll(this.name)
  }

  /** Lets go as the death of its process would. */
  crash(): void {
    this.#unwatch()
  }

  protected exitOf(job: OutsideJob): WorkloadExit | null {
    return job.exit
  }

  #onEnd(job: OutsideJob): void {
    const exit = this.exitOf(job)
    const dispatchId = dispatchOf(job)
    if (exit === null || !this.hasTask(dispatchId)) return
    this.ended(dispatchId, exit, job.jobId)
  }
}

/** Every hook there is, for an executor over this outside. */
export function outsideHooks(outside: Outside): ConformanceHooks {
  const under = (weather: Weather) => async () => {
    outside.weather = weather
    return async () => void (outside.weather = 'fair')
  }
  return {
    crash: async (executor) => {
      if ('crash' in executor && typeof executor.crash === 'function') executor.crash()
    },
    vanish: ({ taskInstance }) => outside.vanish(taskInstance.dispatchId),
    outage: under('outage'),
    throttle: under('throttled'),
    exhaust: under('full'),
    expireCredentials: under('expired'),
    refuse: (text) => under({ refuses: text })(),
    loseAnswer: async () => void (outside.losesNextAnswer = true),
    describe: async () => outside.describe(),
  }
}

function dispatchOf(job: OutsideJob): DispatchId {
  return job.workload.taskInstance.dispatchId
}
