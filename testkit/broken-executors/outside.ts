import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DispatchId, ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import { runWorkload, runnerFiles, type WorkloadRun } from '@fairlead/task-runner'

/** What the outside makes of a call just now. */
export type Weather = 'fair' | 'outage' | 'throttled' | 'full' | 'expired' | { readonly refuses: string }

/** One workload at the outside. */
export interface OutsideJob {
  readonly jobId: string
  readonly owner: string
  readonly workload: ExecuteTask
  readonly logPath: string
  exit: WorkloadExit | null
}

/** Where the workers of an executor find their things. */
export interface OutsidePlace {
  readonly apiUrl: string
  readonly logFolder: string
  readonly bundleFolder: string
}

/**
 * A cloud in this process: takes workloads by an idempotency key, runs each under a real supervisor in processes of its
 * own, tells whoever watches how they ended, and fails in every way that clouds do.
 */
export class Outside {
  weather: Weather = 'fair'
  /** True loses the answer to the next submit. */
  losesNextAnswer = false
  readonly #jobs = new Map<DispatchId, OutsideJob & { run: WorkloadRun; giveUp: AbortController }>()
  readonly #watchers = new Map<string, Set<(job: OutsideJob) => void>>()
  #lastId = 0

  ping(): void {
    if (this.weather === 'outage') throw new OutsideError('no answer from the outside', true)
  }

  /** Takes a workload once, however often it is asked with one key. */
  submit(key: DispatchId, owner: string, workload: ExecuteTask, place: OutsidePlace): string {
    this.#refuse()
    const known = this.#jobs.get(key)
    const job = known ?? this.#begin(key, owner, workload, place)
    if (this.losesNextAnswer) {
      this.losesNextAnswer = false
      throw new OutsideError('the answer was lost', true)
    }
    return job.jobId
  }

  /** The jobs of an owner among these keys; all of them when none are given. */
  find(owner: string, keys?: readonly DispatchId[]): readonly OutsideJob[] {
    this.ping()
    return [...this.#jobs].flatMap(([key, job]) =>
      job.owner === owner && (keys === undefined || keys.includes(key)) ? [job] : [],
    )
  }

  /** Ends a job, and resolves when its processes are gone; quietly for one that it does not know. */
  async stop(key: DispatchId): Promise<void> {
    this.ping()
    const job = this.#jobs.get(key)
    if (job === undefined) return
    job.run.interrupt({ kind: 'cancelled', detail: 'stopped from outside' })
    await job.run.done
  }

  /** Ends everything of an owner, or of everybody. */
  async stopAll(owner?: string): Promise<void> {
    const keys = [...this.#jobs].flatMap(([key, job]) => (owner === undefined || job.owner === owner ? [key] : []))
    for (const key of keys) this.#jobs.get(key)?.giveUp.abort()
    await Promise.all(keys.map((key) => this.#stopQuietly(key)))
  }

  /** Removes a job and its processes without a trace. */
  async vanish(key: DispatchId): Promise<void> {
    const job = this.#jobs.get(key)
    this.#jobs.delete(key)
    job?.run.interrupt({ kind: 'superseded' })
    await job?.run.done
  }

  log(jobId: string): string {
    this.ping()
    const job = [...this.#jobs.values()].find((one) => one.jobId === jobId)
    return job === undefined || !existsSync(job.logPath) ? '' : readFileSync(job.logPath, 'utf8')
  }

  /** What it shows to those who may look. */
  describe(): string {
    return JSON.stringify(
      [...this.#jobs.values()].map(({ jobId, owner, exit, workload }) => ({
        jobId,
        owner,
        exit,
        task: workload.taskInstance.taskId,
      })),
    )
  }

  /** Calls the watcher for each job of an owner that ends. Answers how to stop that. */
  watch(owner: string, watcher: (job: OutsideJob) => void): () => void {
    const watchers = this.#watchers.get(owner) ?? new Set()
    this.#watchers.set(owner, watchers.add(watcher))
    return () => void watchers.delete(watcher)
  }

  async #stopQuietly(key: DispatchId): Promise<void> {
    const job = this.#jobs.get(key)
    job?.run.interrupt({ kind: 'shutdown', detail: 'everything ends' })
    await job?.run.done
  }

  #refuse(): void {
    this.ping()
    const { weather } = this
    if (typeof weather === 'object') throw new OutsideError(weather.refuses, false)
    if (weather !== 'fair') throw new OutsideError(`the outside is ${weather}`, true)
  }

  #begin(key: DispatchId, owner: string, workload: ExecuteTask, place: OutsidePlace) {
    this.#lastId += 1
    const giveUp = new AbortController()
    const run = runWorkload(workload, {
      ...place,
      childPath: runnerFiles().childPath,
      settings: TIMES,
      heartbeatIntervalMs: 200,
      giveUp: giveUp.signal,
      onRunning: () => undefined,
    })
    const logPath = join(place.logFolder, workload.logPath)
    const job = { jobId: `job-${this.#lastId}`, owner, workload, logPath, exit: null, run, giveUp }
    this.#jobs.set(key, job)
    void run.done.then((exit) => this.#end(key, exit))
    return job
  }

  #end(key: DispatchId, exit: WorkloadExit): void {
    const job = this.#jobs.get(key)
    if (job === undefined) return
    job.exit = exit
    if (this.weather === 'outage') return
    for (const watcher of this.#watchers.get(job.owner) ?? []) watcher(job)
  }
}

/** A call that the outside did not take. `mayHaveWorked` for one that is safe and sensible to repeat. */
export class OutsideError extends Error {
  readonly mayHaveWorked: boolean

  constructor(message: string, mayHaveWorked: boolean) {
    super(message)
    this.mayHaveWorked = mayHaveWorked
  }
}

const TIMES = {
  killGraceMs: 300,
  launchBudgetMs: 10_000,
  settleBudgetMs: 30_000,
  leaseMs: 30_000,
  overtimeMs: 5_000,
  drainMs: 500,
}
