/** The life of a job, as data. */

/** What Batch says of where a job is. */
export type JobStatus = 'SUBMITTED' | 'PENDING' | 'RUNNABLE' | 'STARTING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED'

/** All of them, in the order of a life. */
export const JOB_STATUSES: readonly JobStatus[] = [
  'SUBMITTED',
  'PENDING',
  'RUNNABLE',
  'STARTING',
  'RUNNING',
  'SUCCEEDED',
  'FAILED',
]

/** True for a job that has come to its end. */
export function isOver(status: JobStatus): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED'
}

/** True for a job that no container was sought for yet: CancelJob has an effect. */
export function isWaiting(status: JobStatus): boolean {
  return status === 'SUBMITTED' || status === 'PENDING' || status === 'RUNNABLE'
}
