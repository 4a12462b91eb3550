import { createHash } from 'node:crypto'
import { dispatchIdSchema, type DispatchId } from '@fairlead/protocol'

/**
 * Names of jobs. AWS Batch takes no token that makes a submit repeatable, so the name is made of the dispatch id: what
 * was submitted, and never heard of, is found by it.
 */

/** What the names of all jobs of an executor instance begin with. */
export function jobNamePrefix(executor: string): string {
  return `fairlead-${nameable(executor)}-`
}

/** The name of the job of one hand-over. */
export function jobNameOf(executor: string, dispatchId: DispatchId): string {
  return `${jobNamePrefix(executor)}${dispatchId}`
}

/** The dispatch id in the name of a job of this executor, or null for the job of somebody else. */
export function dispatchIdOfJob(executor: string, jobName: string): DispatchId | null {
  const prefix = jobNamePrefix(executor)
  if (!jobName.startsWith(prefix)) return null
  const parsed = dispatchIdSchema.safeParse(jobName.slice(prefix.length))
  return parsed.success ? parsed.data : null
}

/** Batch allows letters, digits, `-` and `_`, and 128 of them. A name that must be changed keeps apart by its hash. */
function nameable(executor: string): string {
  const allowed = executor.replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, LONGEST_NAME)
  if (allowed === executor) return executor
  return `${allowed}-${createHash('sha256').update(executor).digest('hex').slice(0, 8)}`
}

const LONGEST_NAME = 60
