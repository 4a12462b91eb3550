import { randomBytes } from 'node:crypto'
import { Container, type ContainerEnd } from '../containers/container.ts'
import { WORKER_IMAGE, type Images } from '../containers/images.ts'
import type { DoubleClock } from '../double-clock.ts'
import { ACCOUNT } from '../iam/identities.ts'
import type { LogStore } from '../logs/log-store.ts'
import { isOver, isWaiting, type JobStatus } from './job-status.ts'
import { isTriedAgain, type RetryStrategy } from './retry.ts'
import type { JobDefinition, JobQueue } from './stage.ts'
import type { SubmitJobInput } from './submit-job-input.ts'

/** What a job is from the start. */
export interface JobFacts {
  readonly id: string
  readonly arn: string
  readonly queue: JobQueue
  readonly definition: JobDefinition
  readonly input: SubmitJobInput
  readonly dependencies: readonly BatchJob[]
}

/** What a job lives on. */
export interface JobSurroundings {
  readonly region: string
  readonly clock: DoubleClock
  readonly images: Images
  readonly logs: LogStore
  readonly stepMs: () => number
  readonly isHeld: (status: JobStatus) => boolean
  /** True where its queue has a place for it. */
  readonly hasRoom: (job: BatchJob) => boolean
}

/** One attempt at a job. */
export interface Attempt {
  readonly taskArn: string
  readonly logStreamName: string
  startedAt: number | null
  stoppedAt: number | null
  exitCode: number | null
  reason: string | null
  statusReason: string
}

/** Why a job was ended from outside. The first one counts. */
type Stop =
  | { readonly kind: 'cancelled' | 'terminated' | 'timedOut'; readonly reason: string }
  | { readonly kind: 'hostLost'; readonly reason: string }

const POLL_MS = 5
const KILL_AFTER_MS = 30_000

/**
 * A job of Batch, from SUBMITTED to SUCCEEDED or FAILED, over one or more attempts.
 *
 * Invariants: the first reason to stop it is kept; what was ended from outside is not tried again; `startedAt` is set only
 * when a container ran.
 */
export class BatchJob {
  readonly facts: JobFacts
  status: JobStatus = 'SUBMITTED'
  statusReason: string | null = null
  readonly createdAt: number
  startedAt: number | null = null
  stoppedAt: number | null = null
  readonly attempts: Attempt[] = []
  /** How many calls of Describe and List still miss it. */
  unseen = 0
  container: Container | null = null
  readonly over: Promise<void>
  readonly #around: JobSurroundings
  #onOver: () => void = () => undefined
  #stop: Stop | null = null
  #isGone = false

  constructor(facts: JobFacts, around: JobSurroundings) {
    this.facts = facts
    this.#around = around
    this.createdAt = around.clock.now()
    this.over = new Promise((resolve) => (this.#onOver = resolve))
  }

  get isCancelled(): boolean {
    return this.#stop?.kind === 'cancelled'
  }

  get isTerminated(): boolean {
    return this.#stop?.kind === 'terminated'
  }

  get retryStrategy(): RetryStrategy {
    return this.facts.input.retryStrategy ?? this.facts.definition.retryStrategy ?? { attempts: 1 }
  }

  get timeoutSeconds(): number | null {
    return this.facts.input.timeout?.attemptDurationSeconds ?? this.facts.definition.timeoutSeconds ?? null
  }

  /** The command, from the submit or the definition, its parameters filled in. */
  get command(): readonly string[] {
    const { input, definition } = this.facts
    const parameters: Readonly<Record<string, string>> = { ...definition.parameters, ...input.parameters }
    const command = input.containerOverrides?.command ?? definition.command ?? []
    return command.map((word) => (word.startsWith('Ref::') ? (parameters[word.slice(5)] ?? word) : word))
  }

  /** Variables of the definition and the submit; the latter win. */
  get environment(): Readonly<Record<string, string>> {
    const { input, definition } = this.facts
    const all = [...(definition.environment ?? []), ...(input.containerOverrides?.environment ?? [])]
    return Object.fromEntries(all.map(({ name, value = '' }) => [name, value]))
  }

  get image(): string {
    return this.facts.definition.image ?? WORKER_IMAGE
  }

  /** Lives until it is over, or removed without a trace. */
  async live(): Promise<void> {
    await this.#waitForDependencies()
    await this.#become('RUNNABLE')
    while (!this.#isGone && !isOver(this.status)) {
      await this.#waitForRoom()
      if (this.#stop !== null) this.#fail(this.#stop.reason)
      else await this.#attempt()
    }
    this.#onOver()
  }

  /** CancelJob: an effect only before a container is sought. */
  cancel(reason: string): void {
    if (isWaiting(this.status)) this.#stop ??= { kind: 'cancelled', reason }
  }

  terminate(reason: string): void {
    if (isOver(this.status)) return
    this.#stop ??= { kind: 'terminated', reason }
    this.#endContainer()
  }

  /** The machine under it is gone: nobody saw how its process ended. */
  loseHost(reason: string): void {
    this.#stop ??= { kind: 'hostLost', reason }
    this.container?.signal('SIGKILL')
  }

  /** Kills its process, as the kernel would. */
  kill(signal: 'SIGTERM' | 'SIGKILL', reason: string | null = null): void {
    const attempt = this.attempts.at(-1)
    if (attempt !== undefined) attempt.reason ??= reason
    this.container?.signal(signal)
  }

  /** Ends everything at once and lets nobody know. */
  async remove(): Promise<void> {
    this.#isGone = true
    this.container?.signal('SIGKILL')
    await this.container?.ended
  }

  async #waitForDependencies(): Promise<void> {
    const { dependencies } = this.facts
    if (dependencies.length > 0) await this.#become('PENDING')
    while (dependencies.some(({ status }) => !isOver(status)) && this.#goesOn) await this.#pause(POLL_MS)
    if (dependencies.some(({ status }) => status === 'FAILED'))
      this.#stop ??= { kind: 'cancelled', reason: 'Dependent Job failed' }
  }

  async #waitForRoom(): Promise<void> {
    const { isHeld, hasRoom } = this.#around
    while (this.#goesOn && (isHeld('RUNNABLE') || !hasRoom(this))) {
      this.statusReason = this.facts.queue.blockedBecause
      await this.#pause(POLL_MS)
    }
  }

  async #attempt(): Promise<void> {
    const attempt = this.#newAttempt()
    this.statusReason = null
    await this.#become('STARTING')
    while (this.#goesOn && this.#around.isHeld('STARTING')) await this.#pause(POLL_MS)
    if (this.#isGone) return
    if (this.#stop !== null) return this.#fail(this.#stop.reason)
    this.attempts.push(attempt)
    const end = await this.#run(attempt)
    attempt.stoppedAt = this.#around.clock.now()
    this.container = null
    if (this.#isGone) return
    this.#conclude(attempt, end)
  }

  async #run(attempt: Attempt): Promise<ContainerEnd> {
    const image = this.#around.images.find(this.image)
    if (image === null)
      return {
        kind: 'notStarted',
        reason: `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref ${this.image}: not found`,
      }
    const { region, logs, clock } = this.#around
    this.container = new Container(
      {
        image,
        entryPoint: null,
        command: this.command.length === 0 ? null : this.command,
        environment: { AWS_REGION: region, AWS_DEFAULT_REGION: region, ...this.environment, ...this.#ownEnvironment() },
        onLine: (line) => logs.append(this.logGroup, attempt.logStreamName, line),
      },
      clock,
    )
    if (await this.container.started) {
      attempt.startedAt = clock.now()
      this.startedAt ??= attempt.startedAt
      this.#set('RUNNING')
      this.#endAfterTimeout(this.container)
      // A stop may have come while the container was made.
      if (this.#stop !== null) this.#endContainer()
    }
    return await this.container.ended
  }

  get logGroup(): string {
    return this.facts.definition.logGroup ?? '/aws/batch/job'
  }

  #conclude(attempt: Attempt, end: ContainerEnd): void {
    const stop = this.#stop
    if (end.kind === 'notStarted') attempt.reason = end.reason
    else if (stop?.kind !== 'hostLost') attempt.exitCode = end.exitCode
    attempt.statusReason =
      end.kind === 'notStarted' ? 'Task failed to start' : (stop?.reason ?? 'Essential container in task exited')
    if (attempt.exitCode === 0 && stop === null) return this.#finish('SUCCEEDED', attempt.statusReason)
    const mayTryAgain = stop === null || stop.kind === 'hostLost'
    if (!mayTryAgain || !isTriedAgain(this.retryStrategy, this.attempts.length, attempt))
      return this.#fail(attempt.statusReason)
    this.#stop = null
    this.#set('RUNNABLE')
  }

  #endAfterTimeout(container: Container): void {
    const { timeoutSeconds } = this
    if (timeoutSeconds === null) return
    const cancel = this.#around.clock.after(timeoutSeconds * 1000, () => {
      this.#stop ??= { kind: 'timedOut', reason: 'Job attempt duration exceeded timeout' }
      this.#endContainer()
    })
    void container.ended.then(cancel)
  }

  #endContainer(): void {
    const { container } = this
    if (container === null) return
    container.signal('SIGTERM')
    const cancel = this.#around.clock.after(KILL_AFTER_MS, () => container.signal('SIGKILL'))
    void container.ended.then(cancel)
  }

  #newAttempt(): Attempt {
    const taskId = randomBytes(16).toString('hex')
    return {
      taskArn: `arn:aws:ecs:${this.#around.region}:${ACCOUNT}:task/batch/${taskId}`,
      logStreamName: `${this.facts.definition.name}/default/${taskId}`,
      startedAt: null,
      stoppedAt: null,
      exitCode: null,
      reason: null,
      statusReason: '',
    }
  }

  #ownEnvironment(): Record<string, string> {
    return {
      AWS_BATCH_JOB_ID: this.facts.id,
      AWS_BATCH_JQ_NAME: this.facts.queue.name,
      AWS_BATCH_CE_NAME: 'compute',
      AWS_BATCH_JOB_ATTEMPT: String(this.attempts.length),
    }
  }

  get #goesOn(): boolean {
    return this.#stop === null && !this.#isGone
  }

  async #become(status: JobStatus): Promise<void> {
    await this.#pause(this.#around.stepMs())
    this.#set(status)
  }

  #set(status: JobStatus): void {
    if (!this.#isGone) this.status = status
  }

  #fail(reason: string): void {
    this.#finish('FAILED', reason)
  }

  #finish(status: JobStatus, reason: string): void {
    this.statusReason = reason
    this.stoppedAt = this.#around.clock.now()
    this.#set(status)
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#around.clock.after(ms, resolve))
  }
}
