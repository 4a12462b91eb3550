import { randomUUID } from 'node:crypto'
import type { Images } from '../containers/images.ts'
import type { DoubleClock } from '../double-clock.ts'
import { ACCOUNT } from '../iam/identities.ts'
import type { LogStore } from '../logs/log-store.ts'
import { BatchJob, type JobFacts } from './job.ts'
import { isOver, isWaiting, type JobStatus } from './job-status.ts'
import type { JobDefinition, JobDefinitionSpec, JobQueue, JobQueueSpec } from './stage.ts'

/** What Batch lives on. */
export interface BatchParts {
  readonly region: string
  readonly clock: DoubleClock
  readonly images: Images
  readonly logs: LogStore
  readonly stepMs: number
}

/** How long a job that is over is still described. AWS promises at least a day. */
const JOBS_LAST_MS = 24 * 60 * 60 * 1000

/** Batch as a test sees it. */
export class BatchDouble {
  /** How many calls of Describe and List miss a job that was just submitted. */
  consistencyLag = 0
  stepMs: number
  readonly #parts: BatchParts
  readonly #queues = new Map<string, JobQueue>()
  readonly #definitions = new Map<string, JobDefinition[]>()
  readonly #jobs = new Map<string, BatchJob>()
  readonly #held = new Set<JobStatus>()

  constructor(parts: BatchParts) {
    this.#parts = parts
    this.stepMs = parts.stepMs
  }

  /** Makes a queue, or changes it. Answers its ARN. */
  defineQueue(spec: JobQueueSpec): string {
    const arn = `arn:aws:batch:${this.#parts.region}:${ACCOUNT}:job-queue/${spec.name}`
    this.#queues.set(spec.name, { ...spec, arn, blockedBecause: null })
    return arn
  }

  /** Registers a revision of a job definition. Answers its ARN. */
  defineJobDefinition(spec: JobDefinitionSpec): string {
    const revisions = this.#definitions.get(spec.name) ?? []
    const revision = revisions.length + 1
    const arn = `arn:aws:batch:${this.#parts.region}:${ACCOUNT}:job-definition/${spec.name}:${revision}`
    this.#definitions.set(spec.name, [...revisions, { ...spec, arn, revision, status: 'ACTIVE' }])
    return arn
  }

  deregisterJobDefinition(arn: string): void {
    const definition = this.findDefinition(arn)
    if (definition === null) throw new Error(`There is no job definition ${arn}.`)
    definition.status = 'INACTIVE'
  }

  /** Ids of jobs that are not over yet. */
  running(): readonly string[] {
    return this.jobs()
      .filter(({ status }) => !isOver(status))
      .map(({ facts }) => facts.id)
  }

  /** Every job that is still described, oldest first. */
  jobs(): readonly BatchJob[] {
    this.#expire()
    return [...this.#jobs.values()]
  }

  /** Jobs of this name. */
  named(jobName: string): readonly BatchJob[] {
    return this.jobs().filter(({ facts }) => facts.input.jobName === jobName)
  }

  /** Keeps jobs of a queue runnable, for this reason: `CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - …`. Null lets them go. */
  block(queueName: string, reason: string | null): void {
    const queue = this.findQueue(queueName)
    if (queue === null) throw new Error(`There is no job queue ${queueName}.`)
    queue.blockedBecause = reason
  }

  pidOf(id: string): number | null {
    return this.job(id).container?.pid ?? null
  }

  kill(id: string, signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): void {
    this.job(id).kill(signal)
  }

  killForMemory(id: string): void {
    this.job(id).kill('SIGKILL', 'OutOfMemoryError: Container killed due to memory usage')
  }

  /** The machine under a job dies: no exit code, ever. */
  loseHost(id: string): void {
    this.job(id).loseHost('Host EC2 (instance i-0123456789abcdef0) terminated.')
  }

  /** Ends a job and forgets it without a trace. */
  async vanish(id: string): Promise<void> {
    const job = this.job(id)
    this.#jobs.delete(id)
    await job.remove()
  }

  /** Keeps jobs in this status (RUNNABLE or STARTING) until released. */
  hold(status: 'RUNNABLE' | 'STARTING'): void {
    this.#held.add(status)
  }

  release(status: 'RUNNABLE' | 'STARTING'): void {
    this.#held.delete(status)
  }

  job(id: string): BatchJob {
    const job = this.#jobs.get(id)
    if (job === undefined) throw new Error(`There is no job ${id}.`)
    return job
  }

  /** Starts a job. For the API, which has checked everything. */
  launch(facts: Omit<JobFacts, 'id' | 'arn'>): BatchJob {
    const id = randomUUID()
    const arn = `arn:aws:batch:${this.#parts.region}:${ACCOUNT}:job/${id}`
    const job = new BatchJob(
      { ...facts, id, arn },
      {
        ...this.#parts,
        stepMs: () => this.stepMs,
        isHeld: (status) => this.#held.has(status),
        hasRoom: (asking) => this.#hasRoom(asking),
      },
    )
    job.unseen = this.consistencyLag
    this.#jobs.set(id, job)
    void job.live()
    return job
  }

  findQueue(nameOrArn: string): JobQueue | null {
    return this.#queues.get(nameOrArn.split('/').at(-1) ?? '') ?? null
  }

  queues(): readonly JobQueue[] {
    return [...this.#queues.values()]
  }

  /** A job definition by name (the newest active), `name:revision` or ARN; null where there is none. */
  findDefinition(nameOrArn: string): JobDefinition | null {
    const [name = '', revision] = (nameOrArn.split('/').at(-1) ?? '').split(':')
    const revisions = this.#definitions.get(name) ?? []
    if (revision === undefined) return revisions.findLast(({ status }) => status === 'ACTIVE') ?? null
    return revisions.find((definition) => definition.revision === Number(revision)) ?? null
  }

  definitions(): readonly JobDefinition[] {
    return [...this.#definitions.values()].flat()
  }

  /** A job by id or ARN; null where there is none. */
  findJob(idOrArn: string): BatchJob | null {
    this.#expire()
    return this.#jobs.get(idOrArn.split('/').at(-1) ?? '') ?? null
  }

  async close(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(async (job) => await job.remove()))
    this.#jobs.clear()
  }

  #hasRoom({ facts: { queue } }: BatchJob): boolean {
    const now = this.#queues.get(queue.name) ?? queue
    if (queue.blockedBecause !== null || now.blockedBecause !== null || now.status === 'INVALID') return false
    const busy = [...this.#jobs.values()].filter(
      ({ facts, status }) => facts.queue.name === queue.name && !isOver(status) && !isWaiting(status),
    ).length
    return busy < (now.maxJobs ?? Number.POSITIVE_INFINITY)
  }

  #expire(): void {
    const before = this.#parts.clock.now() - JOBS_LAST_MS
    for (const [id, { stoppedAt }] of this.#jobs) {
      if (stoppedAt !== null && stoppedAt < before) this.#jobs.delete(id)
    }
  }
}
