import {
  BaseExecutor,
  outcomeUnknown,
  type ExecuteOptions,
  type ExecutorHost,
  type StandardSchema,
  type WorkerHostEnd,
  type WorkerHostRun,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { HeldWorkload, HostAnswer, HostCall } from '@fairlead/task-runner'
import { AttachedHost } from './attached-host.ts'
import { ForeignEnds } from './foreign-ends.ts'
import { hostSettings } from './host-process.ts'
import { runProvidedHost } from './provided-host.ts'
import { localSettingsSchema, type LocalSettings } from './settings.ts'

/** Runs tasks as processes of this machine, under a worker host that outlives the server. */
export class LocalExecutor extends BaseExecutor {
  static override readonly supportsAdHocTiRun: boolean = true
  static override readonly isLocal: boolean = true
  static override readonly servesLogs: boolean = true
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  static override readonly sentryIntegration: string | null = '@sentry/node'
  static override readonly configSchema: StandardSchema = localSettingsSchema

  /** Its worker host as a process that somebody else keeps, for executors whose setting `workerHost` is `provided`. */
  static runWorkerHost(run: WorkerHostRun): Promise<WorkerHostEnd> {
    return runProvidedHost(run)
  }

  /** The host pushes. */
  override readonly syncIntervalMs: number | null = null
  readonly #settings: LocalSettings
  /** What this executor handed to the host, which may be another scheduler's too. */
  readonly #submitted = new Set<DispatchId>()
  /** Ends that dispatch has not written down yet; the host keeps them until then. */
  readonly #unrecorded = new Set<DispatchId>()
  /** Ends that it has, and that the host is to be told of. */
  readonly #recorded = new Set<DispatchId>()
  #opening: Promise<AttachedHost> | null = null
  #attached: AttachedHost | null = null
  #isAcknowledging = false
  readonly #foreign = new ForeignEnds()
  #onIdle: () => void = () => undefined

  constructor(host: ExecutorHost) {
    super(host)
    this.#settings = this.settingsOf(host)
  }

  protected settingsOf({ settings }: ExecutorHost): LocalSettings {
    return localSettingsSchema.parse(settings)
  }

  override async start(signal: AbortSignal = NEVER): Promise<void> {
    // Asked again, it keeps the host that it has: a second connection would start another host when the first one ends.
    if (this.#attached !== null) return void (await this.#call({ kind: 'status' }, signal))
    this.#opening ??= this.#open()
    try {
      this.#attached = await this.#opening
    } catch (error) {
      this.#opening = null
      throw error
    }
  }

  #open(): Promise<AttachedHost> {
    return AttachedHost.open({
      settings: hostSettings(this.host, this.#settings),
      environment: this.host.workerEnvironment ?? {},
      workerHostPath: this.#settings.workerHost === 'provided' ? null : this.#settings.workerHostPath,
      timeoutMs: this.#settings.hostTimeoutMs,
      onAttached: (held) => this.#onAttached(held),
      onEvent: (event) => this.#onEvent(event),
      onLost: () => this.host.log.warn('worker host is gone, starting another'),
      onProblem: (detail) => this.host.log.error('worker host cannot be started', { detail }),
    })
  }

  async executeAsync(workload: Workload, { signal }: Pick<ExecuteOptions, 'signal'>): Promise<string | null> {
    if (workload.type !== 'ExecuteTask') throw new Error('The LocalExecutor runs tasks, and no callbacks.')
    this.#submitted.add(workload.taskInstance.dispatchId)
    await this.#call({ kind: 'submit', workload }, signal)
    return null
  }

  async sync(): Promise<void> {}

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const answer = await this.#call({ kind: 'list' }, signal)
    const held = answer.kind === 'held' ? answer.held : []
    const byId = new Map(held.map((one) => [one.dispatchId, one]))
    return taskInstances.filter((taskInstance) => {
      const { dispatchId } = taskInstance
      const found = byId.get(dispatchId)
      if (found === undefined) return !this.hasEnded(dispatchId)
      if (found.kind === 'ended') this.#onEnded(found)
      else {
        this.adopt(taskInstance, found.kind === 'running' ? String(found.pid) : null)
        this.#onEvent(found)
      }
      return false
    })
  }

  protected override endsRecorded(dispatchIds: readonly DispatchId[]): void {
    for (const dispatchId of dispatchIds) {
      this.#unrecorded.delete(dispatchId)
      this.#recorded.add(dispatchId)
    }
    void this.#acknowledge()
  }

  override async revokeTask({ dispatchId }: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    // Its end by our own hand is no news for dispatch; what cannot be stopped now is stopped by its refused heartbeat.
    await this.forget(dispatchId)
    this.#submitted.delete(dispatchId)
    // The call is repeated when its answer is lost: a stop that nobody confirmed did not happen.
    for (;;) {
      const answer = await this.#attachedHost().call(
        { kind: 'cancel', dispatchId, detail: 'the task was revoked' },
        signal,
      )
      if (answer !== null) return
      await this.host.clock.sleep(REPEAT_AFTER_MS, signal)
    }
  }

  /**
   * Waits for what runs until the signal aborts; then ends the rest, and the host with it. Work that another executor on
   * the same host, or the next one on a host that is provided, can adopt goes on.
   */
  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    if (this.#settings.workerHost === 'provided') return this.detach()
    if (!signal.aborted && this.runningWorkloads.length > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    await this.#leave('the server is shutting down', [])
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    const dispatchIds = this.runningWorkloads.map(({ dispatchId }) => dispatchId)
    await this.#leave('the server was told to end at once', dispatchIds)
  }

  /** Lets go of the worker host, as the death of this process would: work goes on, and the next server adopts it. */
  async detach(): Promise<void> {
    const attached = this.#attached
    this.#opening = null
    this.#attached = null
    await attached?.close()
  }

  /** What the conformance kit cannot do by itself: the death of this process, while it lives. */
  static async getConformanceHooks(): Promise<ConformanceHooks> {
    return {
      crash: async (executor) => {
        if (executor instanceof this) await executor.detach()
      },
    }
  }

  /** What the worker host is doing, for measurements and health. */
  async hostStatus(): Promise<Extract<HostAnswer, { kind: 'status' }> | null> {
    const answer = await this.#call({ kind: 'status' }, NEVER)
    return answer.kind === 'status' ? answer : null
  }

  /** Has a bundle loaded into processes that wait for their task. */
  async prewarm(bundleHash: string): Promise<void> {
    await this.#call({ kind: 'prewarm', bundleHash }, NEVER)
  }

  #onAttached(held: readonly HeldWorkload[]): void {
    const known = new Set(held.map(({ dispatchId }) => dispatchId))
    // Ends come with the hello whose they are: an executor that is gone may have left them.
    for (const one of held) {
      if (one.kind === 'ended') this.#onEnded(one)
      else this.#onEvent(one)
    }
    for (const { dispatchId } of this.runningWorkloads) {
      if (known.has(dispatchId)) continue
      this.fail(dispatchId, { kind: 'lost', detail: 'the worker host does not know this work any more' })
    }
  }

  #onEvent(event: HeldWorkload): void {
    const isOurs = this.#submitted.has(event.dispatchId) || this.hasTask(event.dispatchId)
    if (event.kind === 'running' && isOurs) this.running(event.dispatchId, String(event.pid))
    if (event.kind !== 'ended') return
    if (isOurs || this.hasEnded(event.dispatchId)) return this.#onEnded(event)
    // The host is another scheduler's too, which sees to its own; should it be gone, its end is told all the same.
    void this.#foreign.add(event.dispatchId, this.host.clock).then((dispatchIds) => this.#claimForeign(dispatchIds))
  }

  async #claimForeign(dispatchIds: ReadonlySet<DispatchId>): Promise<void> {
    if (dispatchIds.size === 0 || this.#attached === null) return
    const answer = await this.#attached.call({ kind: 'list' }, NEVER)
    const held = answer?.kind === 'held' ? answer.held : []
    for (const one of held) if (one.kind === 'ended' && dispatchIds.has(one.dispatchId)) this.#onEnded(one)
  }

  #onEnded({ dispatchId, pid, exit }: Extract<HeldWorkload, { kind: 'ended' }>): void {
    this.#submitted.delete(dispatchId)
    if (!this.hasEnded(dispatchId)) this.#unrecorded.add(dispatchId)
    // A host that says it again was not told that it is written down, or that the work was revoked.
    else if (!this.#unrecorded.has(dispatchId)) this.endsRecorded([dispatchId])
    this.report({ kind: 'ended', dispatchId, exit, externalId: pid === null ? null : String(pid) })
    if (this.runningWorkloads.length === 0) this.#onIdle()
  }

  /** Tells the host which ends are written down, as many as there are by the time it has heard of the last ones. */
  async #acknowledge(): Promise<void> {
    if (this.#isAcknowledging) return
    this.#isAcknowledging = true
    while (this.#recorded.size > 0 && this.#attached !== null) {
      const dispatchIds = [...this.#recorded]
      const answer = await this.#attached.call({ kind: 'acknowledge', dispatchIds }, NEVER)
      if (answer?.kind === 'done') for (const dispatchId of dispatchIds) this.#recorded.delete(dispatchId)
      else await this.host.clock.sleep(REPEAT_AFTER_MS)
    }
    this.#isAcknowledging = false
  }

  async #call(call: HostCall, signal: AbortSignal): Promise<HostAnswer> {
    const answer = await this.#attachedHost().call(call, signal)
    if (answer === null) throw outcomeUnknown('the connection to the worker host was lost before it answered')
    if (answer.kind === 'problem') throw new Error(`The worker host refused: ${answer.message}`)
    return answer
  }

  #attachedHost(): AttachedHost {
    if (this.#attached === null) throw new Error(`Executor "${this.name}" is not started.`)
    return this.#attached
  }

  async #leave(detail: string, dispatchIds: readonly DispatchId[]): Promise<void> {
    // A host that is still being looked for is left too, once it is found.
    const attached = (await this.#opening?.catch(() => null)) ?? null
    this.#opening = null
    this.#attached = null
    if (attached === null) return
    await attached.call({ kind: 'leave', detail, dispatchIds: [...dispatchIds] }, AbortSignal.timeout(LEAVE_TIMEOUT_MS))
    await attached.close()
  }
}

/** A connection that is closing answers nobody until it is gone. */
const REPEAT_AFTER_MS = 100
/** Longer than any grace for tasks; a host that takes it hangs, and its processes end with it when it is killed. */
const LEAVE_TIMEOUT_MS = 60_000
const NEVER = new AbortController().signal
