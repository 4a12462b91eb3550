import type { WorkloadExit } from '@fairlead/protocol'
import { exitOfWorker } from '../shared/worker-exit.ts'
import { hasJobEnded, lastContainerOf, type BatchJob } from './batch-job.ts'

/** AWS Batch's view of one job, in our words. Null while it is still on its way. */
export function exitOfBatchJob(job: BatchJob): WorkloadExit | null {
  if (!hasJobEnded(job)) return null
  const { exitCode } = lastContainerOf(job)
  if (exitCode !== undefined) return exitOfCode(job, exitCode)
  if (job.status === 'SUCCEEDED') return { kind: 'exited', exitCode: 0 }
  const timeout = timeoutOf(job)
  if (timeout !== null) return timeout
  const detail = reasonOf(job)
  return { kind: job.startedAt === undefined ? 'neverStarted' : 'lost', detail }
}

/** Why a job ended, or waits, in the words of AWS Batch. */
export function reasonOf(job: BatchJob): string {
  const parts = [job.statusReason, lastContainerOf(job).reason].filter((part) => part !== undefined && part !== '')
  return parts.length === 0 ? 'AWS Batch gave no reason' : [...new Set(parts)].join(': ')
}

function exitOfCode(job: BatchJob, exitCode: number): WorkloadExit {
  const exit = exitOfWorker(exitCode)
  if (exit.kind !== 'signaled') return exit
  // A job that AWS ended for its timeout, or for its memory, shows the code of the signal that did it.
  if (exit.signal === 'SIGKILL' && (lastContainerOf(job).reason ?? '').startsWith('OutOfMemory'))
    return { ...exit, cause: 'out_of_memory_killed' }
  return timeoutOf(job) ?? exit
}

/** Batch says in words alone that a job ran out of the time that it was given. */
function timeoutOf(job: BatchJob): WorkloadExit | null {
  const seconds = job.timeout?.attemptDurationSeconds
  if (seconds === undefined || !/attempt duration exceeded timeout/i.test(job.statusReason ?? '')) return null
  return { kind: 'timedOut', timeoutMs: seconds * 1000 }
}
