import {
  BaseExecutor,
  type ExecuteOptions,
  type Executor,
  type ExecutorCommandGroup,
  type ExecutorHost,
  type ExecutorView,
  type StandardSchema,
  type SyncOptions,
} from '@fairlead/executor'
import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import { ContainerLogs } from '../shared/container-logs.ts'
import { BatchApi } from './batch-api.ts'
import { batchCommands } from './batch-commands.ts'
import { checkBatch, problemsOf, type HealthItem } from './batch-health.ts'
import type { BatchInside } from './batch-inside.ts'
import { hasJobEnded, logPlaceOf, type BatchJob } from './batch-job.ts'
import { batchSettingsSchema, batchTaskConfigSchema, type BatchSettings } from './batch-settings.ts'
import { batchViews } from './batch-view.ts'
import { exitOfBatchJob, reasonOf } from './exit-of-batch-job.ts'
import { findJob } from './find-job.ts'
import { jobNameOf } from './job-name.ts'
import { JobSubmitter } from './job-submitter.ts'
import { JobWatch } from './job-watch.ts'
import { allProfiles, jobQueuesOf } from './profiles.ts'
import { stopJob } from './stop-job.ts'
import { SubmittedRows } from './submitted-rows.ts'

/** Runs each task as a job of AWS Batch. */
export class BatchExecutor extends BaseExecutor implements BatchInside {
  static override readonly configSchema: StandardSchema = batchSettingsSchema
  static override readonly executorConfigSchema: StandardSchema = batchTaskConfigSchema
  static override readonly supportsAdoption: boolean = true
  static override readonly supportsCancel: boolean = true
  /** Workers send their logs to the API. */
  static override readonly servesLogs: boolean = true
  static override readonly servesLiveLogs: boolean = true

  override readonly syncIntervalMs: number
  readonly settings: BatchSettings
  readonly api: BatchApi
  readonly #rows: SubmittedRows
  readonly #submitter: JobSubmitter
  readonly #watch: JobWatch
  readonly #logs: ContainerLogs
  /** Dispatches that may have a job, though nothing was accepted yet. */
  readonly #launching = new Set<DispatchId>()
  /** Dispatches whose job is being stopped: that it ends is no news. */
  readonly #revoking = new Set<DispatchId>()
  /** Jobs that are watched in the place of the one that was accepted, which the API had refused. */
  readonly #standIns = new Map<DispatchId, string>()

  constructor(host: ExecutorHost) {
    super(host)
    // Instances that were made without their class's schema are given its defaults here.
    this.settings = batchSettingsSchema.parse(host.settings)
    this.syncIntervalMs = this.settings.poll.shortestMs
    this.api = new BatchApi(this.settings)
    this.#rows = new SubmittedRows(host.store)
    this.#submitter = new JobSubmitter({ host, settings: this.settings, api: this.api, rows: this.#rows })
    this.#watch = new JobWatch(this.settings.poll)
    this.#logs = new ContainerLogs({ settings: this.settings, clock: host.clock, random: Math.random })
  }

  static getCliCommands(): readonly ExecutorCommandGroup[] {
    return batchCommands(insideOf)
  }

  static getUiViews(): readonly ExecutorView[] {
    return batchViews(insideOf)
  }

  /** What the conformance kit cannot do by itself. Nothing else loads it. */
  static async getConformanceHooks(): Promise<ConformanceHooks> {
    return (await import('./conformance-hooks.ts')).hooksOf(process.env)
  }

  override async start(signal: AbortSignal): Promise<void> {
    await this.#rows.sweep(this.host.clock.now())
    if (!this.settings.checkHealth) return
    const problems = problemsOf(await this.checkHealth(signal))
    if (problems !== null) throw new Error(problems)
  }

  /** Whether jobs can be submitted, watched, found and stopped. */
  async checkHealth(signal: AbortSignal): Promise<readonly HealthItem[]> {
    return await checkBatch(this.api, { executor: this.name, profiles: allProfiles(this.settings) }, signal)
  }

  override async executeAsync(workload: Workload, options: ExecuteOptions): Promise<string> {
    if (workload.type !== 'ExecuteTask') throw new Error('The BatchExecutor runs tasks, and no callbacks.')
    this.#launching.add(workload.taskInstance.dispatchId)
    return await this.#submitter.submit(workload, options, options.signal)
  }

  override async sync({ signal }: SyncOptions): Promise<void> {
    const now = this.host.clock.now()
    const due = this.runningWorkloads.flatMap(({ dispatchId, externalId }) => {
      const jobId = this.#standIns.get(dispatchId) ?? externalId
      return jobId !== null && this.#watch.isDue(dispatchId, now) ? [{ dispatchId, jobId }] : []
    })
    if (due.length === 0) return
    const jobs = await this.api.describe(
      due.map(({ jobId }) => jobId),
      signal,
    )
    for (const { dispatchId, jobId } of due) {
      const job = jobs.get(jobId)
      if (job === undefined) this.#noteMissing(dispatchId, jobId)
      else await this.#note(dispatchId, job, signal)
    }
  }

  /** A job that stands in line at AWS is not stuck; one that AWS says can never run has nothing to wait for. */
  override waitingFor(dispatchId: DispatchId): string | null {
    return super.waitingFor(dispatchId) ?? this.#watch.waitingFor(dispatchId)
  }

  override async tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]> {
    const open = taskInstances.filter(({ dispatchId }) => !this.hasEnded(dispatchId))
    const located = await Promise.all(
      open.map(async (taskInstance) => ({ taskInstance, jobId: await this.locate(taskInstance, signal) })),
    )
    const ids = located.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]))
    const jobs = ids.length === 0 ? new Map<string, BatchJob>() : await this.api.describe(ids, signal)
    return located.flatMap(({ taskInstance, jobId }) => {
      const job = jobId === null ? undefined : jobs.get(jobId)
      if (jobId === null || job?.jobName !== jobNameOf(this.name, taskInstance.dispatchId)) return [taskInstance]
      this.adopt(taskInstance, jobId)
      return []
    })
  }

  override async revokeTask(taskInstance: TaskInstanceRef, signal: AbortSignal): Promise<void> {
    const { dispatchId } = taskInstance
    this.#revoking.add(dispatchId)
    try {
      await this.withdraw(dispatchId)
      await this.#stop(taskInstance, 'Fairlead revoked the task', signal)
      await this.forget(dispatchId)
      await this.#letGo(dispatchId)
    } finally {
      this.#revoking.delete(dispatchId)
    }
  }

  override async terminate(): Promise<void> {
    await super.terminate()
    const signal = AbortSignal.timeout(TERMINATE_MS)
    const running = this.runningWorkloads.map(({ dispatchId, externalId }) => ({ dispatchId, externalId }))
    const known = new Set(running.map(({ dispatchId }) => dispatchId))
    const launching = [...this.#launching].filter((dispatchId) => !known.has(dispatchId))
    const mine = [...running, ...launching.map((dispatchId) => ({ dispatchId, externalId: null }))]
    await Promise.all(mine.map((one) => this.#stop(one, 'Fairlead was terminated', signal)))
    this.api.destroy()
  }

  /** What the container writes, from CloudWatch Logs; null where it writes elsewhere, or nothing yet. */
  override async getTaskLog(taskInstance: TaskInstanceRef): Promise<AsyncIterable<string> | null> {
    const signal = AbortSignal.timeout(this.settings.requestTimeoutMs)
    const jobId = await this.locate(taskInstance, signal)
    const job = jobId === null ? undefined : (await this.api.describe([jobId], signal)).get(jobId)
    const place = job === undefined ? null : logPlaceOf(job, this.settings.logGroup)
    return jobId === null || place === null ? null : this.#logs.follow(place, () => this.#hasEnded(jobId))
  }

  override async end(signal: AbortSignal): Promise<void> {
    await super.end(signal)
    this.api.destroy()
  }

  /** Stops a job, and resolves when AWS Batch shows that it has ended. */
  async stopJob(jobId: string, reason: string, signal: AbortSignal): Promise<void> {
    const { api, settings, host } = this
    await stopJob(jobId, { api, clock: host.clock, reason, missingGraceMs: settings.missingGraceMs, signal })
  }

  /** The job of a task instance, whatever is known of it: by its id, or by where a row says that it was submitted. */
  async locate(
    { dispatchId, externalId }: Pick<TaskInstanceRef, 'dispatchId' | 'externalId'>,
    signal: AbortSignal,
  ): Promise<string | null> {
    const standIn = this.#standIns.get(dispatchId)
    if (standIn !== undefined || externalId !== null) return standIn ?? externalId
    const row = await this.#rows.read(dispatchId)
    if (row === null) return null
    return (await this.#findByName(dispatchId, { jobQueue: row.jobQueue }, signal))?.jobId ?? null
  }

  /** Names of every job queue that this instance submits to. */
  get jobQueues(): readonly string[] {
    return jobQueuesOf(this.settings)
  }

  protected override endsRecorded(dispatchIds: readonly DispatchId[]): void {
    for (const dispatchId of dispatchIds) {
      // A row that stays costs a search, should the dispatch ever come again, and nothing else.
      this.#letGo(dispatchId).catch((error: unknown) =>
        this.host.log.warn('row of an ended job was not removed', { dispatchId, error }),
      )
    }
  }

  async #note(dispatchId: DispatchId, job: BatchJob, signal: AbortSignal): Promise<void> {
    const isNews = this.#watch.saw(dispatchId, job, this.host.clock.now())
    if (this.#revoking.has(dispatchId)) return
    const exit = exitOfBatchJob(job)
    if (exit?.kind === 'neverStarted' && (await this.#hasStandIn(dispatchId, job, signal))) return
    if (exit !== null) return this.ended(dispatchId, exit)
    if (job.status === 'RUNNING') this.running(dispatchId)
    else if (isNews && job.statusReason !== undefined)
      this.host.log.warn('job waits', { dispatchId, jobId: job.jobId, reason: reasonOf(job) })
  }

  /** A job whose worker was refused may be the second of two that were submitted: then the other one counts. */
  async #hasStandIn(dispatchId: DispatchId, job: BatchJob, signal: AbortSignal): Promise<boolean> {
    if (job.jobQueue === undefined || job.startedAt === undefined) return false
    const other = await this.#findByName(dispatchId, { jobQueue: job.jobQueue, exceptId: job.jobId }, signal)
    if (other === null || other.status === 'FAILED') return false
    this.#standIns.set(dispatchId, other.jobId)
    return true
  }

  async #hasEnded(jobId: string): Promise<boolean> {
    const job = (await this.api.describe([jobId], AbortSignal.timeout(this.settings.requestTimeoutMs))).get(jobId)
    return job === undefined || hasJobEnded(job)
  }

  #noteMissing(dispatchId: DispatchId, jobId: string): void {
    const missingMs = this.#watch.missed(dispatchId, this.host.clock.now())
    if (this.#revoking.has(dispatchId) || missingMs < this.settings.missingGraceMs) return
    this.fail(dispatchId, { kind: 'lost', detail: `AWS Batch knows nothing of job ${jobId} (any more)` })
  }

  async #stop(
    task: Pick<TaskInstanceRef, 'dispatchId' | 'externalId'>,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    const jobId = await this.#locatePatiently(task, signal)
    if (jobId !== null) await this.stopJob(jobId, reason, signal)
  }

  /** A submit that was cut short may have been heard: its job is looked for until it must be to be seen. */
  async #locatePatiently(
    task: Pick<TaskInstanceRef, 'dispatchId' | 'externalId'>,
    signal: AbortSignal,
  ): Promise<string | null> {
    const { dispatchId } = task
    for (;;) {
      const externalId =
        this.runningWorkloads.find((one) => one.dispatchId === dispatchId)?.externalId ?? task.externalId
      const jobId = await this.locate({ dispatchId, externalId }, signal)
      const row = jobId === null ? await this.#rows.read(dispatchId) : null
      const age = row === null ? Infinity : this.host.clock.now() - row.submittedAt
      if (jobId !== null || age < 0 || age >= this.settings.submitSettleMs) return jobId
      await this.host.clock.sleep(SEARCH_PAUSE_MS, signal)
    }
  }

  async #findByName(
    dispatchId: DispatchId,
    { jobQueue, exceptId }: { readonly jobQueue: string; readonly exceptId?: string },
    signal: AbortSignal,
  ): Promise<{ readonly jobId: string; readonly status: string } | null> {
    const search = { jobName: jobNameOf(this.name, dispatchId), jobQueues: [jobQueue] }
    return await findJob(this.api, exceptId === undefined ? search : { ...search, exceptId }, signal)
  }

  async #letGo(dispatchId: DispatchId): Promise<void> {
    this.#submitter.forget(dispatchId)
    this.#watch.forget(dispatchId)
    this.#launching.delete(dispatchId)
    this.#standIns.delete(dispatchId)
    await this.#rows.delete(dispatchId)
  }
}

function insideOf(executor: Executor): BatchInside {
  if (executor instanceof BatchExecutor) return executor
  throw new Error(`Executor "${executor.name}" does not run on AWS Batch. Choose one that does with --executor.`)
}

/** How long a forced end may take: containers are given half a minute by AWS. */
const TERMINATE_MS = 60_000
const SEARCH_PAUSE_MS = 300
