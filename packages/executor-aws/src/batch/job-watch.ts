import type { DispatchId } from '@fairlead/protocol'
import { isJobWaiting, type BatchJob } from './batch-job.ts'

/** How often jobs are asked about, in milliseconds. */
export interface WatchPace {
  readonly shortestMs: number
  readonly longestMs: number
}

/**
 * What is remembered of jobs between two polls: which are due, and since when AWS Batch says nothing of one. A job is
 * asked about often while it changes, and ever less often while it stays as it is.
 */
export class JobWatch {
  readonly #pace: WatchPace
  readonly #seen = new Map<DispatchId, Seen>()

  constructor(pace: WatchPace) {
    this.#pace = pace
  }

  isDue(dispatchId: DispatchId, now: number): boolean {
    const dueAt = this.#seen.get(dispatchId)?.dueAt
    // A clock that was set back must not silence a job.
    return dueAt === undefined || dueAt <= now || dueAt > now + this.#pace.longestMs
  }

  /** The job was described. Answers true when its state or its reason is news. */
  saw(dispatchId: DispatchId, job: BatchJob, now: number): boolean {
    const before = this.#seen.get(dispatchId)
    const isNews = before?.job?.status !== job.status || before.job.statusReason !== job.statusReason
    const changedAt = isNews ? now : (before?.changedAt ?? now)
    this.#seen.set(dispatchId, { job, changedAt, missedSince: null, dueAt: this.#dueAt(now, changedAt) })
    return isNews
  }

  /** What a job stands in line for, or null: it runs, or AWS says that nothing it could wait for will come. */
  waitingFor(dispatchId: DispatchId): string | null {
    const job = this.#seen.get(dispatchId)?.job
    if (job === undefined || job === null || !isJobWaiting(job) || job.statusReason?.startsWith(HOPELESS)) return null
    return `Its job is ${job.status} at AWS Batch${job.statusReason === undefined ? '' : `: ${job.statusReason}`}`
  }

  /** AWS Batch said nothing of it. Answers for how long it has been so. */
  missed(dispatchId: DispatchId, now: number): number {
    const before = this.#seen.get(dispatchId)
    const missedSince = before?.missedSince ?? now
    this.#seen.set(dispatchId, {
      job: before?.job ?? null,
      changedAt: before?.changedAt ?? now,
      missedSince,
      dueAt: now,
    })
    return Math.max(0, now - missedSince)
  }

  forget(dispatchId: DispatchId): void {
    this.#seen.delete(dispatchId)
  }

  #dueAt(now: number, changedAt: number): number {
    const { shortestMs, longestMs } = this.#pace
    const pause = Math.min(longestMs, (now - changedAt) / UNCHANGED_PER_PAUSE)
    // The poll after next is always near enough: a pause shorter than the interval is none.
    return pause <= shortestMs ? now : now + pause
  }
}

interface Seen {
  readonly job: BatchJob | null
  readonly changedAt: number
  readonly missedSince: number | null
  readonly dueAt: number
}

/** What the reason begins with when a job asks for what its queue can never give. */
const HOPELESS = 'MISCONFIGURATION:'

/** A job that has not changed for this many times a pause is left alone for the pause. */
const UNCHANGED_PER_PAUSE = 20
