import {
  dispatchIdOf,
  type DispatchId,
  type TaskInstanceRef,
  type Workload,
  type WorkloadExit,
} from '@fairlead/protocol'
import { CapableClass } from './capable-class.ts'
import { EventBuffer } from './event-buffer.ts'
import { ExecutorError } from './executor-error.ts'
import {
  EXECUTOR_BRAND,
  EXECUTOR_CONTRACT_VERSION,
  type BufferedEvent,
  type CallbackRequest,
  type Executor,
  type ExecutorEvent,
  type ExecutorHost,
  type SyncOptions,
  type WorkloadOptions,
} from './executor.ts'
import { BASE_EXECUTOR_MARK } from './final-members.ts'
import type {
  ExecuteOptions,
  Launch,
  LaunchResult,
  QueuedEntry,
  QueuedWorkload,
  RunningWorkload,
} from './held-workload.ts'
import { HeldWorkloads } from './held-workloads.ts'
import { beginLaunch, exitOfRefusal, LazyOptions, repeatDelayMs, resultOfError } from './launch.ts'
import { refuseTooLarge, refuseUnsupported } from './refuse-workload.ts'

/** The brand sits on the prototype: a class is judged without an instance. Isolated declarations cannot say so in the class. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface BaseExecutor {
  readonly [EXECUTOR_BRAND]: number
}

/**
 * The usual base of an executor: authors write `executeAsync` and `sync`, the rest has safe defaults.
 *
 * Invariant 1: a dispatch id is queued, launching or running, never two of them, and its end removes it.
 * Invariant 2: a call of unknown outcome is repeated with the same dispatch id until it is known or revoked.
 * Invariant 3: after `end` or `terminate` nothing more is launched.
 */
export abstract class BaseExecutor extends CapableClass implements Executor {
  readonly name: string
  readonly parallelism: number
  readonly syncIntervalMs: number | null = 1000

  protected readonly host: ExecutorHost
  /** How many calls that begin workloads may be under way at once. */
  protected readonly launchConcurrency: number = 16
  /** How long one such call may take before its outcome counts as unknown. */
  protected readonly launchTimeoutMs: number = 60_000
  /** How many workloads one call of `executeBatch` may begin. */
  protected readonly maxBatchSize: number = 1

  readonly #held = new HeldWorkloads()
  readonly #events = new EventBuffer()
  /** Calls under way, the oldest first. */
  readonly #launches = new Set<Launch>()
  #sequence = 0
  #isEnding = false

  constructor(host: ExecutorHost) {
    super()
    if (!Number.isInteger(host.parallelism) || host.parallelism <= 0) {
      throw new ExecutorError(
        'EXECUTOR_PARALLELISM_INVALID',
        `The parallelism of executor "${host.name}" is ${host.parallelism}. Set it to a whole number of 1 or more.`,
      )
    }
    this.host = host
    this.name = host.name
    this.parallelism = Reflect.get(this.constructor, 'isSingleThreaded') === true ? 1 : host.parallelism
  }

  static {
    Object.defineProperty(this.prototype, EXECUTOR_BRAND, { value: EXECUTOR_CONTRACT_VERSION })
    Object.defineProperty(this.prototype, BASE_EXECUTOR_MARK, { value: true })
  }

  /**
   * Begins one workload and answers the id that the outside knows it by, or null. Idempotent by dispatch id. A throw
   * says that it never started; `outcomeUnknown` says that this cannot be known, `launchPostponed` that it is to be tried
   * again later, `launchRefused` that this would be in vain.
   */
  abstract executeAsync(workload: Workload, options: ExecuteOptions): Promise<string | null>

  /** Reports what became of the workloads that run. */
  abstract sync(options: SyncOptions): Promise<void>

  async start(_signal: AbortSignal): Promise<void> {}

  async heartbeat(signal: AbortSignal = new AbortController().signal): Promise<void> {
    this.host.gauge?.('executor.open_slots', this.#openSlots)
    this.host.gauge?.('executor.queued_tasks', this.#held.countOf('queued'))
    this.host.gauge?.('executor.running_tasks', this.#held.size - this.#held.countOf('queued'))
    await this.processWorkloads(signal)
    await this.sync({ signal })
  }

  queueWorkload(workload: Workload, options: WorkloadOptions): void {
    if (this.#isEnding) {
      throw new ExecutorError('EXECUTOR_ENDED', `Executor "${this.name}" is shutting down and takes no more work.`)
    }
    refuseUnsupported(this, workload)
    const dispatchId = dispatchIdOf(workload)
    if (this.#held.has(dispatchId) || this.#events.hasEnded(dispatchId)) return
    refuseTooLarge(this, workload)
    this.#sequence += 1
    this.#held.put(dispatchId, {
      phase: 'queued',
      queued: { dispatchId, workload, options },
      sequence: this.#sequence,
      notBefore: 0,
      unknownCount: 0,
      waitingFor: null,
    })
  }

  /** Resolves when the calls have begun, not when they are answered: a slow one holds up nothing else. */
  async processWorkloads(signal: AbortSignal): Promise<void> {
    this.#giveUpOverdue()
    if (!signal.aborted) this.#beginDue()
  }

  /**
   * Begins a batch and answers one result for each workload, in order. The default calls `executeAsync`; override it,
   * with `maxBatchSize`, where the outside takes many workloads in one call. A throw holds for the whole batch.
   */
  protected async executeBatch(
    batch: readonly QueuedWorkload[],
    launch: SyncOptions,
  ): Promise<readonly LaunchResult[]> {
    const executeOne = async ({ workload, options }: QueuedWorkload): Promise<LaunchResult> => {
      try {
        return { kind: 'accepted', externalId: await this.executeAsync(workload, new LazyOptions(options, launch)) }
      } catch (error) {
        return resultOfError(error, launch.signal)
      }
    }
    return await Promise.all(batch.map(executeOne))
  }

  /** The workload's process is running. Saying it again adds nothing, so that a poll may. */
  running(dispatchId: DispatchId, externalId: string | null = null): void {
    const held = this.#held.get(dispatchId)
    if (held?.phase === 'running' && held.isStarted) return
    this.report({ kind: 'running', dispatchId, externalId: externalId ?? this.#externalIdOf(dispatchId) })
  }

  /** The workload's process ended with exit code 0. */
  success(dispatchId: DispatchId, externalId: string | null = null): void {
    this.ended(dispatchId, { kind: 'exited', exitCode: 0 }, externalId)
  }

  /** The workload ended without success; `exit` says how. */
  fail(dispatchId: DispatchId, exit: WorkloadExit, externalId: string | null = null): void {
    this.ended(dispatchId, exit, externalId)
  }

  /** The workload ended as `exit` says, for an executor that translates what it sees. */
  ended(dispatchId: DispatchId, exit: WorkloadExit, externalId: string | null = null): void {
    this.report({ kind: 'ended', dispatchId, exit, externalId: externalId ?? this.#externalIdOf(dispatchId) })
  }

  /** Keeps an event for dispatch, and wakes it. What comes after the end of a dispatch id is dropped and counted. */
  report(event: ExecutorEvent): void {
    if (!this.#events.append(event)) {
      this.host.log.debug('event of an ended dispatch dropped', { dispatchId: event.dispatchId, kind: event.kind })
      return
    }
    if (event.kind === 'ended') this.#held.remove(event.dispatchId)
    else this.#noteRunning(event)
    this.host.report(event)
  }

  getEventBuffer(): readonly BufferedEvent[] {
    return this.#events.peek()
  }

  acknowledgeEvents(place: number): void {
    const ended = this.#events.acknowledge(place).filter(({ kind }) => kind === 'ended')
    if (ended.length > 0) this.endsRecorded(ended.map(({ dispatchId }) => dispatchId))
  }

  /** Called when dispatch has written down these ends. Override it to let go of what was kept until then. */
  protected endsRecorded(_dispatchIds: readonly DispatchId[]): void {}

  hasTask(dispatchId: DispatchId): boolean {
    return this.#held.has(dispatchId)
  }

  waitingFor(dispatchId: DispatchId): string | null {
    const held = this.#held.get(dispatchId)
    return held === undefined || held.phase === 'running' ? null : held.waitingFor
  }

  get slotsOccupied(): number {
    return this.#held.size
  }

  get slotsAvailable(): number {
    return Math.max(0, this.parallelism - this.#held.size)
  }

  /** How many events were dropped because their dispatch id had ended before. */
  get droppedEventCount(): number {
    return this.#events.droppedCount
  }

  async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    _signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    return taskInstances
  }

  async revokeTask(taskInstance: TaskInstanceRef, _signal: AbortSignal): Promise<void> {
    const held = this.#held.get(taskInstance.dispatchId)
    if (held === undefined) return
    if (held.phase === 'queued' && held.unknownCount === 0) return await this.forget(taskInstance.dispatchId)
    throw new ExecutorError(
      'EXECUTOR_CANNOT_REVOKE',
      `Executor "${this.name}" cannot stop dispatch ${taskInstance.dispatchId} of task "${taskInstance.taskId}": ` +
        `${this.constructor.name} has no revokeTask of its own. Override it to stop what has begun.`,
    )
  }

  async sendCallback(request: CallbackRequest): Promise<void> {
    if (this.host.sendCallback !== undefined) return await this.host.sendCallback(request)
    throw new ExecutorError(
      'EXECUTOR_NO_CALLBACK_OUTBOX',
      `Executor "${this.name}" cannot send the callback ${request.kind} of Dag "${request.dagId}": there is no callback ` +
        'outbox here. This Fairlead runs no callbacks yet; let the task do what the callback would.',
    )
  }

  async getTaskLog(_taskInstance: TaskInstanceRef, _tryNumber: number): Promise<AsyncIterable<string> | null> {
    return null
  }

  /** Launches nothing more, and waits for the calls under way; what runs is left to be adopted. */
  async end(signal: AbortSignal): Promise<void> {
    this.#isEnding = true
    const giveUp = (): void => this.#giveUpLaunches(new Error('the executor has no time left to end'))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    await Promise.all([...this.#launches].map((launch) => launch.settled))
    signal.removeEventListener('abort', giveUp)
  }

  /** Launches nothing more, and gives up the calls under way. Override it to stop what runs. */
  async terminate(): Promise<void> {
    this.#isEnding = true
    this.#giveUpLaunches(new Error('the executor was terminated'))
  }

  /** What was accepted or adopted and has not ended, for `sync` to look after. */
  protected get runningWorkloads(): readonly RunningWorkload[] {
    return this.#held.running
  }

  /** Takes over work that began under another instance, for `tryAdoptTaskInstances`. */
  protected adopt(taskInstance: TaskInstanceRef, externalId: string | null = taskInstance.externalId): void {
    const { dispatchId } = taskInstance
    this.#held.put(dispatchId, {
      phase: 'running',
      isStarted: false,
      running: { dispatchId, externalId, taskInstance },
    })
  }

  /** True when the end of a dispatch id was reported: work that ended before it could be adopted is not lost. */
  protected hasEnded(dispatchId: DispatchId): boolean {
    return this.#events.hasEnded(dispatchId)
  }

  /**
   * Begins no more of a workload: it leaves the queue, and a call under way is given up, and over when this resolves.
   * It stays held, and its end is still heard, until `forget`: what cannot be stopped is not lost sight of.
   */
  protected async withdraw(dispatchId: DispatchId): Promise<void> {
    const held = this.#held.get(dispatchId)
    if (held === undefined || held.phase === 'running') return
    this.#held.put(dispatchId, { phase: 'running', isStarted: false, running: runningOf(held.queued) })
    if (held.phase === 'queued') return
    held.launch.giveUp(new Error('the workload was revoked'))
    await held.launch.settled
  }

  /** Drops a workload without an event, and hears nothing more of it: for `revokeTask`, once it is gone outside. */
  protected async forget(dispatchId: DispatchId): Promise<void> {
    await this.withdraw(dispatchId)
    this.#held.remove(dispatchId)
    this.#events.close(dispatchId)
  }

  #beginDue(): void {
    while (!this.#isEnding && this.#launches.size < this.launchConcurrency) {
      const limit = Math.min(this.#openSlots, this.maxBatchSize)
      const entries = this.#held.takeDue(limit, this.host.clock.now())
      if (entries.length === 0) return
      this.#launch(entries)
    }
  }

  #giveUpOverdue(): void {
    const now = this.host.clock.now()
    for (const launch of this.#launches) {
      if (launch.deadline > now) return
      launch.giveUp(new Error(`no answer within ${this.launchTimeoutMs} ms`))
    }
  }

  #launch(entries: readonly QueuedEntry[]): void {
    const batch = entries.map((entry) => entry.queued)
    const launch = beginLaunch({
      size: batch.length,
      deadline: this.host.clock.now() + this.launchTimeoutMs,
      begin: (options) => this.executeBatch(batch, options),
      onResult: (index, result) => {
        const entry = entries[index]
        if (entry !== undefined) this.#settleLaunch(entry, result)
      },
    })
    for (const entry of entries) this.#held.put(entry.queued.dispatchId, { ...entry, phase: 'launching', launch })
    this.#launches.add(launch)
    void launch.settled.then(() => {
      this.#launches.delete(launch)
      this.#beginDue()
    })
  }

  /** A late `accepted` counts even when the call was given up; a late refusal does not, since a repeat decides. */
  #settleLaunch(entry: QueuedEntry, result: LaunchResult & { isLate: boolean }): void {
    const { dispatchId } = entry.queued
    const held = this.#held.get(dispatchId)
    if (held === undefined) return
    if (held.phase === 'running') return this.#settleRunning(held.running, result)
    if (result.kind === 'accepted') return this.report({ kind: 'accepted', dispatchId, externalId: result.externalId })
    if (result.isLate) return
    if (result.kind === 'neverStarted') return this.fail(dispatchId, exitOfRefusal(result))
    this.#queueAgain(entry, result)
  }

  #queueAgain(entry: QueuedEntry, result: Extract<LaunchResult, { kind: 'unknown' | 'postponed' }>): void {
    const { dispatchId } = entry.queued
    const { detail } = result
    const unknownCount = entry.unknownCount + (result.kind === 'unknown' ? 1 : 0)
    const delayMs = result.kind === 'unknown' ? repeatDelayMs(unknownCount) : result.afterMs
    // Never 0, which is for what was not tried: what waits lets the others go first.
    const notBefore = Math.max(1, this.host.clock.now() + delayMs)
    this.#held.put(dispatchId, { ...entry, notBefore, unknownCount, waitingFor: detail })
    const { log } = this.host
    if (result.kind === 'unknown') log.warn('outcome of a launch is unknown', { dispatchId, detail, unknownCount })
    else log.debug('launch is postponed', { dispatchId, detail, delayMs })
  }

  /** The answer to a launch whose workload was seen running or withdrawn before: it can add the external id. */
  #settleRunning({ dispatchId, externalId }: RunningWorkload, result: LaunchResult): void {
    if (result.kind === 'unknown' || result.kind === 'postponed') return
    if (result.kind === 'accepted' && externalId === null) {
      return this.report({ kind: 'accepted', dispatchId, externalId: result.externalId })
    }
    if (result.kind === 'accepted' && result.externalId === externalId) return
    this.host.log.warn('launch answered otherwise than the workload that runs', { dispatchId, externalId, result })
  }

  #noteRunning({ kind, dispatchId, externalId }: ExecutorEvent): void {
    const held = this.#held.get(dispatchId)
    if (held === undefined) return
    const before = held.phase === 'running' ? held : { isStarted: false, running: runningOf(held.queued) }
    const running = { ...before.running, externalId: externalId ?? before.running.externalId }
    this.#held.put(dispatchId, { phase: 'running', isStarted: before.isStarted || kind === 'running', running })
  }

  #externalIdOf(dispatchId: DispatchId): string | null {
    const held = this.#held.get(dispatchId)
    return held?.phase === 'running' ? held.running.externalId : null
  }

  #giveUpLaunches(reason: Error): void {
    for (const launch of this.#launches) launch.giveUp(reason)
  }

  get #openSlots(): number {
    return this.parallelism - this.#held.size + this.#held.countOf('queued')
  }
}

function runningOf({ dispatchId, workload }: QueuedWorkload): RunningWorkload {
  return { dispatchId, externalId: null, taskInstance: workload.type === 'ExecuteTask' ? workload.taskInstance : null }
}
