import type { ExecutorClock } from '@fairlead/executor'
import { hasJobEnded, isJobWaiting } from './batch-job.ts'
import type { BatchApi } from './batch-api.ts'

/** What stopping one job needs. */
export interface StopOptions {
  readonly api: Pick<BatchApi, 'describe' | 'cancel' | 'terminate'>
  readonly clock: ExecutorClock
  readonly reason: string
  /** How long AWS Batch must say nothing of the job before it counts as gone. */
  readonly missingGraceMs: number
  readonly signal: AbortSignal
}

/**
 * Stops a job by what its state allows, and resolves when AWS Batch shows that it has ended. A job may begin to run between
 * the look and the call, so it is looked at again until then; the signal alone ends that otherwise, with a throw.
 */
export async function stopJob(
  jobId: string,
  { api, clock, reason, missingGraceMs, signal }: StopOptions,
): Promise<void> {
  let missingSince: number | null = null
  const asked = new Set<string>()
  for (let turn = 0; ; turn += 1) {
    signal.throwIfAborted()
    const job = (await api.describe([jobId], signal)).get(jobId)
    if (job !== undefined && hasJobEnded(job)) return
    if (job === undefined) {
      missingSince ??= clock.now()
      if (clock.now() - missingSince >= missingGraceMs) return
    } else {
      const how = isJobWaiting(job) ? 'cancel' : 'terminate'
      // Asked again now and then: a call can come to nothing when the state changes under it.
      if (!asked.has(how) || turn % TURNS_PER_REPEAT === 0) await api[how](jobId, reason, signal)
      asked.add(how)
    }
    await clock.sleep(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** turn), signal)
  }
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000
const TURNS_PER_REPEAT = 10
