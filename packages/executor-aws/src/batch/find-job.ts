import type { BatchApi, ListedJob } from './batch-api.ts'

/** Where to look for a job, and for which. */
export interface JobSearch {
  readonly jobName: string
  readonly jobQueues: readonly string[]
  /** A job that is not meant. */
  readonly exceptId?: string
}

/**
 * The job of a name, or null. There is one, but for a submit that was repeated because nothing was heard of it: then one
 * of them was refused by the API and failed, and the other one is meant.
 */
export async function findJob(
  api: Pick<BatchApi, 'list'>,
  { jobName, jobQueues, exceptId }: JobSearch,
  signal: AbortSignal,
): Promise<ListedJob | null> {
  const lists = await Promise.all(jobQueues.map((jobQueue) => api.list(jobQueue, jobName, signal)))
  const jobs = lists.flat().filter((job) => job.jobName === jobName && job.jobId !== exceptId)
  return jobs.find(({ status }) => status !== 'FAILED') ?? jobs[0] ?? null
}
