import {
  BaseExecutor,
  type ExecuteOptions,
  type ExecutorHost,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { containerName, containerSpec, EXECUTOR_LABEL } from './container.js'
import { DispatchFolders } from './dispatch-folders.js'
import { Engine, EngineRefusal } from './engine.js'
import { exitOfContainer } from './exit-of-container.js'
import { textOfFrames } from './log-frames.js'
import { settingsSchema, taskConfigSchema, type DockerSettings, type DockerTaskConfig } from './settings.js'

/** Runs each task in a container of a Docker engine on this machine. */
export class DockerExecutor extends BaseExecutor {
  static override readonly configSchema: StandardSchema<Partial<DockerSettings>> = settingsSchema
  static override readonly executorConfigSchema: StandardSchema<DockerTaskConfig> = taskConfigSchema
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly servesLogs: boolean = true
  static override readonly servesLiveLogs: boolean = true

  override readonly syncIntervalMs: number = 500
  readonly #settings: DockerSettings
  readonly #engine: Engine
  readonly #folders: DispatchFolders
  /** Dispatches that may have a container, though nothing was accepted yet. */
  readonly #launching = new Set<DispatchId>()
  /** Dispatches whose container is being taken away: that it is gone is no news. */
  readonly #revoking = new Set<DispatchId>()
  /** Dispatches whose end dispatch has written down, and whose container is not removed yet. */
  readonly #recorded = new Set<DispatchId>()

  constructor(host: ExecutorHost) {
    super(host)
    this.#settings = host.settings as unknown as DockerSettings
    this.#engine = new Engine(this.#settings.socketPath)
    this.#folders = new DispatchFolders(host)
  }

  /** What the kit cannot do by itself. Nothing else loads it. */
  static async getConformanceHooks(): Promise<ConformanceHooks> {
    return (await import('./conformance-hooks.js')).hooksOf(process.env['DOCKER_SOCKET'])
  }

  override async start(signal: AbortSignal): Promise<void> {
    const { image, socketPath } = this.#settings
    await this.#engine.ping(signal)
    if (await this.#engine.hasImage(image, signal)) return
    throw new Error(
      `The Docker engine at ${socketPath} has no image "${image}". Make it with build-image.mjs, or name another.`,
    )
  }

  override async executeAsync(workload: Workload, { executorConfig, signal }: ExecuteOptions): Promise<string> {
    if (workload.type !== 'ExecuteTask') throw new Error('The DockerExecutor runs tasks, and no callbacks.')
    const { dispatchId } = workload.taskInstance
    const name = containerName(dispatchId)
    const settings = this.#settings
    this.#launching.add(dispatchId)
    await this.#folders.make(workload, settings)
    const spec = containerSpec(workload, this.host, { settings, config: executorConfig ?? {} })
    const isNew = await this.#engine.create(name, spec, signal)
    if (isNew || (await this.#engine.inspect(name, signal))?.State.Status === 'created') await this.#start(name, signal)
    return name
  }

  override async sync({ signal }: SyncOptions): Promise<void> {
    await this.#tidy(signal)
    const watched = this.runningWorkloads
    if (watched.length === 0) return
    const containers = await this.#containers(signal)
    await Promise.all(
      watched.map(async ({ dispatchId }) => {
        const state = containers.get(containerName(dispatchId))
        if (state === 'exited' || state === 'dead') return await this.#reportEnd(dispatchId, signal)
        if (state === undefined) return this.#reportGone(dispatchId)
        if (state === 'running') this.running(dispatchId)
      }),
    )
  }

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const containers = await this.#containers(signal)
    return taskInstances.filter((taskInstance) => {
      const name = containerName(taskInstance.dispatchId)
      if (this.hasEnded(taskInstance.dispatchId)) return false
      if (!containers.has(name)) return true
      this.adopt(taskInstance, name)
      return false
    })
  }

  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    this.#revoking.add(dispatchId)
    try {
      await this.withdraw(dispatchId)
      await this.#takeAway(dispatchId, signal)
      await this.forget(dispatchId)
    } finally {
      this.#revoking.delete(dispatchId)
    }
  }

  override async getTaskLog({ dispatchId }: TaskInstanceRef): Promise<AsyncIterable<string> | null> {
    const log = await this.#engine.logs(containerName(dispatchId), true)
    return log === null ? null : textOfFrames(log)
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    const mine = new Set([...this.#launching, ...this.runningWorkloads.map(({ dispatchId }) => dispatchId)])
    const signal = AbortSignal.timeout(this.#settings.killGraceMs + TERMINATE_MARGIN_MS)
    await Promise.all([...mine].map((dispatchId) => this.#takeAway(dispatchId, signal)))
  }

  /** A container stays until its end is written down: a scheduler that dies before that finds it again. */
  protected override endsRecorded(dispatchIds: readonly DispatchId[]): void {
    for (const dispatchId of dispatchIds) this.#recorded.add(dispatchId)
  }

  /** A container that cannot be started is not left behind: its name would stand in the way. */
  async #start(name: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#engine.start(name, signal)
    } catch (error) {
      if (error instanceof EngineRefusal) await this.#engine.remove(name, signal)
      throw error
    }
  }

  /** State of each container of this instance, by name. */
  async #containers(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const containers = await this.#engine.list(`${EXECUTOR_LABEL}=${this.name}`, signal)
    return new Map(
      containers.flatMap(({ Names, State }) => Names.map((name) => [name.replace('/', ''), State] as const)),
    )
  }

  async #reportEnd(dispatchId: DispatchId, signal: AbortSignal): Promise<void> {
    const name = containerName(dispatchId)
    const container = await this.#engine.inspect(name, signal)
    if (container === null) return this.#reportGone(dispatchId)
    const log = await this.#engine.logs(name, false, signal)
    if (log !== null) await this.#folders.keepLog(container, textOfFrames(log))
    if (this.#revoking.has(dispatchId)) return
    this.ended(dispatchId, exitOfContainer(container.State, await this.#folders.verdictOf(dispatchId)))
  }

  #reportGone(dispatchId: DispatchId): void {
    if (this.#revoking.has(dispatchId)) return
    this.fail(dispatchId, { kind: 'lost', detail: 'the Docker engine has no container of it any more' })
  }

  async #tidy(signal: AbortSignal): Promise<void> {
    await Promise.all(
      [...this.#recorded].map(async (dispatchId) => {
        await this.#takeAway(dispatchId, signal)
        this.#recorded.delete(dispatchId)
      }),
    )
  }

  async #takeAway(dispatchId: DispatchId, signal: AbortSignal): Promise<void> {
    await this.#engine.stopAndRemove(containerName(dispatchId), this.#settings.killGraceMs, signal)
    await this.#folders.remove(dispatchId)
    this.#launching.delete(dispatchId)
  }
}

/** What the engine may take beyond the grace of the tasks. */
const TERMINATE_MARGIN_MS = 10_000
