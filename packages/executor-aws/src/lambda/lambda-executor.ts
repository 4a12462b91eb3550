import {
  BaseExecutor,
  ExecutorError,
  type ExecuteOptions,
  type Executor,
  type ExecutorCommandGroup,
  type ExecutorHost,
  type ExecutorView,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, TaskInstanceRef, Workload, WorkloadExit } from '@fairlead/protocol'
import { FunctionBook } from './function-book.ts'
import { Inbox, type Verdict } from './inbox.ts'
import { InvocationRows, type Invocation } from './invocation-rows.ts'
import { LambdaApi, type FunctionTarget } from './lambda-api.ts'
import { lambdaCommands } from './lambda-commands.ts'
import { checkLambda, type HealthItem } from './lambda-health.ts'
import type { LambdaInside } from './lambda-inside.ts'
import { LambdaLauncher, targetOf } from './lambda-launcher.ts'
import {
  LONGEST_RUNTIME_MS,
  lambdaSettingsSchema,
  lambdaTaskConfigSchema,
  type LambdaSettings,
} from './lambda-settings.ts'
import { lambdaViews } from './lambda-view.ts'
import { QueueApi } from './queue-api.ts'
import type { Tidings } from './result-message.ts'

/**
 * Runs each task in an invocation of a function of AWS Lambda. AWS tells nothing of an invocation that was accepted: its
 * end is told by the function itself over a queue, by a dead letter, or by the clock.
 *
 * Invariant: an invocation counts as over when something says so, or when nothing of it can run any more; never before.
 */
export class LambdaExecutor extends BaseExecutor implements LambdaInside {
  static override readonly configSchema: StandardSchema = lambdaSettingsSchema
  static override readonly executorConfigSchema: StandardSchema = lambdaTaskConfigSchema
  static override readonly supportsAdoption: boolean = true
  /** Workers send their logs to the API. */
  static override readonly servesLogs: boolean = true
  static override readonly maxRuntimeMs: number = LONGEST_RUNTIME_MS

  readonly settings: LambdaSettings
  readonly #api: LambdaApi
  readonly #queues: QueueApi
  readonly #functions: FunctionBook
  readonly #rows: InvocationRows
  readonly #launcher: LambdaLauncher
  readonly #inboxes: readonly Inbox[]
  /** When each invocation that is waited for can no longer run. */
  readonly #deadlines = new Map<DispatchId, number>()
  /** Ends of invocations whose launch is not answered yet. */
  readonly #early = new Map<DispatchId, WorkloadExit>()
  #resultsReadAt = 0

  constructor(host: ExecutorHost) {
    super(host)
    // Instances that were made without their class's schema are given its defaults here.
    this.settings = lambdaSettingsSchema.parse(host.settings)
    const { settings } = this
    this.#api = new LambdaApi(settings)
    this.#queues = new QueueApi(settings)
    this.#functions = new FunctionBook(this.#api, () => host.clock.now())
    this.#rows = new InvocationRows(host.store)
    const parts = { host, settings, api: this.#api, functions: this.#functions, rows: this.#rows }
    this.#launcher = new LambdaLauncher(parts)
    this.#inboxes = this.#queueUrls.map((queueUrl) => this.#inboxOf(queueUrl))
  }

  static getCliCommands(): readonly ExecutorCommandGroup[] {
    return lambdaCommands(insideOf)
  }

  static getUiViews(): readonly ExecutorView[] {
    return lambdaViews(insideOf)
  }

  /** What the conformance kit cannot do by itself. Nothing else loads it. */
  static async getConformanceHooks(): Promise<ConformanceHooks> {
    return (await import('./conformance-hooks.ts')).hooksOf(process.env)
  }

  override async start(signal: AbortSignal): Promise<void> {
    this.#functions.forget()
    await this.#rows.sweep(this.host.clock.now())
    if (this.settings.checkHealth) {
      const problems = (await this.checkHealth(signal)).flatMap(({ problem }) => (problem === null ? [] : [problem]))
      if (problems.length > 0) throw new Error(problems.join(' '))
    }
    for (const inbox of this.#inboxes) inbox.open()
  }

  /** Whether functions can be invoked as they must be, and their ends be heard of. */
  async checkHealth(signal: AbortSignal): Promise<readonly HealthItem[]> {
    const apis = { lambda: this.#api, queues: this.#queues }
    return await checkLambda(apis, { settings: this.settings, targets: this.#targets }, signal)
  }

  override async executeAsync(workload: Workload, options: ExecuteOptions): Promise<string> {
    if (workload.type !== 'ExecuteTask') throw new Error('The LambdaExecutor runs tasks, and no callbacks.')
    const { requestId, invocation } = await this.#launcher.launch(workload, options, options.signal)
    this.#watch(workload.taskInstance.dispatchId, invocation)
    return requestId
  }

  /** Ends that came early or were heard elsewhere, and invocations that nothing was heard of until their deadline. */
  override async sync({ signal }: SyncOptions): Promise<void> {
    signal.throwIfAborted()
    const watched = this.runningWorkloads
    if (watched.length === 0) return
    await this.#readResults()
    const now = this.host.clock.now()
    for (const { dispatchId } of watched) {
      const exit = this.#early.get(dispatchId)
      if (exit !== undefined) this.#end(dispatchId, exit)
      else if ((this.#deadlines.get(dispatchId) ?? Infinity) <= now) this.fail(dispatchId, SILENT)
    }
    const problem = this.#inboxes.find((inbox) => inbox.problem !== null)?.problem ?? null
    if (problem !== null) throw new Error(problem)
  }

  /**
   * What can be known of an invocation is that it was asked for, and until when it can run. That is enough to wait for its
   * end; whether it still runs, nobody can ask.
   */
  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const open = taskInstances.filter(({ dispatchId }) => !this.hasEnded(dispatchId))
    if (open.length === 0) return []
    const rows = await this.#rows.all()
    const mine = open.filter(({ dispatchId }) => rows.has(dispatchId))
    // An adoption is a promise to hear of the end: it is given while the queues can be read alone.
    if (mine.length > 0) await Promise.all(this.#queueUrls.map((url) => this.#queues.attributes(url, signal)))
    for (const taskInstance of mine) {
      const invocation = rows.get(taskInstance.dispatchId)
      this.adopt(taskInstance)
      if (invocation !== undefined) this.#watch(taskInstance.dispatchId, invocation)
    }
    return open.filter(({ dispatchId }) => !rows.has(dispatchId))
  }

  /**
   * Lambda stops nothing on demand. The worker ends by itself when the API refuses its next heartbeat, which it does for
   * what was cancelled or superseded; until that is heard, or the deadline is over, it is not confirmed.
   */
  override async revokeTask(taskInstance: TaskInstanceRef, _signal: AbortSignal): Promise<void> {
    const { dispatchId } = taskInstance
    await this.withdraw(dispatchId)
    const invocation = await this.#rows.read(dispatchId)
    if (invocation === null || this.hasEnded(dispatchId)) return await this.forget(dispatchId)
    if (invocation.deadlineAt <= this.host.clock.now()) {
      await this.forget(dispatchId)
      return await this.#letGo(dispatchId)
    }
    // It may not be held: another instance invoked it, or this one before its restart.
    if (!this.hasTask(dispatchId)) this.adopt(taskInstance)
    this.#watch(dispatchId, invocation)
    throw new ExecutorError(
      'EXECUTOR_CANNOT_REVOKE',
      `AWS Lambda cannot stop the invocation of task "${taskInstance.taskId}" (dispatch ${dispatchId}). Its worker ends when ` +
        `the API refuses its next heartbeat; executor "${this.name}" waits for that, until ${new Date(invocation.deadlineAt).toISOString()} at the latest.`,
    )
  }

  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    await this.detach()
  }

  /** Stops waiting. What runs cannot be stopped: it ends by itself, and is adopted or found lost later. */
  override async terminate(): Promise<void> {
    await super.terminate()
    await this.detach()
  }

  /** Lets go of queues and connections, and leaves everything outside as it is. */
  async detach(): Promise<void> {
    await Promise.all(this.#inboxes.map((inbox) => inbox.close()))
    this.#api.destroy()
    this.#queues.destroy()
  }

  /** Invocations that nothing has been heard of, by dispatch id. */
  async invocations(): Promise<ReadonlyMap<string, Invocation>> {
    return await this.#rows.all()
  }

  /** The invocation of a dispatch, or null. */
  async invocationOf(dispatchId: DispatchId): Promise<Invocation | null> {
    return await this.#rows.read(dispatchId)
  }

  /** The function that a queue's tasks run in, unless one of them says otherwise. */
  targetFor(queue: string): FunctionTarget {
    return targetOf(this.settings, { queue, executorConfig: null })
  }

  /** Reads how a function is set up. */
  async describe(
    target: FunctionTarget,
    signal: AbortSignal,
  ): Promise<{ readonly logGroup: string; readonly functionArn: string }> {
    return await this.#api.describe(target, signal)
  }

  protected override endsRecorded(dispatchIds: readonly DispatchId[]): void {
    const signal = AbortSignal.timeout(SETTLE_MS)
    const settled = [
      ...this.#inboxes.map((inbox) => inbox.settle(dispatchIds, signal)),
      ...dispatchIds.map((dispatchId) => this.#letGo(dispatchId)),
    ]
    for (const one of settled) {
      // A message that stays comes again, and is deleted then, as nobody waits for it.
      one.catch((error: unknown) => this.host.log.warn('what was kept of ended invocations was not removed', { error }))
    }
  }

  async #onEnd({ executor, dispatchId, exit }: Extract<Tidings, { kind: 'ended' }>): Promise<Verdict> {
    if (executor !== null && executor !== this.name) return 'leave'
    if (this.hasEnded(dispatchId)) return 'delete'
    if (this.runningWorkloads.some((one) => one.dispatchId === dispatchId)) {
      this.#end(dispatchId, exit)
      return 'keep'
    }
    if (this.hasTask(dispatchId)) {
      this.#early.set(dispatchId, exit)
      return 'keep'
    }
    if ((await this.#rows.read(dispatchId)) !== null) {
      await this.#rows.leaveResult(dispatchId, exit)
      return 'delete'
    }
    return executor === null ? 'leave' : 'delete'
  }

  #end(dispatchId: DispatchId, exit: WorkloadExit): void {
    this.#early.delete(dispatchId)
    this.ended(dispatchId, exit)
  }

  #watch(dispatchId: DispatchId, { deadlineAt }: Invocation): void {
    this.#deadlines.set(dispatchId, deadlineAt)
    for (const inbox of this.#inboxes) inbox.ring()
  }

  /** What another scheduler heard of what is held here. */
  async #readResults(): Promise<void> {
    const now = this.host.clock.now()
    if (this.#inboxes.length === 0 || Math.abs(now - this.#resultsReadAt) < RESULTS_INTERVAL_MS) return
    this.#resultsReadAt = now
    for (const [dispatchId, exit] of await this.#rows.results()) this.#early.set(dispatchId as DispatchId, exit)
  }

  async #letGo(dispatchId: DispatchId): Promise<void> {
    this.#launcher.forget(dispatchId)
    this.#deadlines.delete(dispatchId)
    this.#early.delete(dispatchId)
    await this.#rows.delete(dispatchId)
  }

  #inboxOf(queueUrl: string): Inbox {
    return new Inbox({
      api: this.#queues,
      queueUrl,
      longPollSeconds: this.settings.longPollSeconds,
      clock: this.host.clock,
      log: this.host.log,
      isNeeded: () => this.slotsOccupied > 0,
      onEnd: (tidings) => this.#onEnd(tidings),
    })
  }

  get #queueUrls(): readonly string[] {
    const { resultQueueUrl, deadLetterQueueUrl } = this.settings
    return [...new Set([resultQueueUrl, deadLetterQueueUrl].filter((url) => url !== undefined))]
  }

  /** Every function that a task can come to without a word of its own. */
  get #targets(): readonly FunctionTarget[] {
    const queues = ['default', ...Object.keys(this.settings.queues ?? {})]
    const targets = queues.map((queue) => this.targetFor(queue))
    return [...new Map(targets.map((target) => [JSON.stringify(target), target])).values()]
  }
}

function insideOf(executor: Executor): LambdaInside {
  if (executor instanceof LambdaExecutor) return executor
  throw new Error(`Executor "${executor.name}" does not run on AWS Lambda. Choose one that does with --executor.`)
}

const SILENT: WorkloadExit = {
  kind: 'lost',
  detail: 'AWS Lambda runs nothing of it any more, and nothing was heard of its end',
}
const SETTLE_MS = 30_000
const RESULTS_INTERVAL_MS = 3000
