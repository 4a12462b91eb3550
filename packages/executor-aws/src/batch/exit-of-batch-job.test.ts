import { describe, expect, it } from 'vitest'
import type { BatchJob } from './batch-job.ts'
import { exitOfBatchJob } from './exit-of-batch-job.ts'

const job = (facts: Partial<BatchJob>): BatchJob => ({ jobId: 'job-1', jobName: 'name', status: 'FAILED', ...facts })

describe('the end of a Batch job', () => {
  it.each(['SUBMITTED', 'PENDING', 'RUNNABLE', 'STARTING', 'RUNNING', 'SOMETHING_NEW'])(
    'is not there in state %s',
    (status) => {
      expect(exitOfBatchJob(job({ status, container: { exitCode: 0 } }))).toBeNull()
    },
  )

  it.each<[string, Partial<BatchJob>, unknown]>([
    ['the exit code of its container', { startedAt: 1, container: { exitCode: 1 } }, { kind: 'exited', exitCode: 1 }],
    ['success', { status: 'SUCCEEDED', startedAt: 1, container: { exitCode: 0 } }, { kind: 'exited', exitCode: 0 }],
    ['success without an exit code', { status: 'SUCCEEDED', startedAt: 1 }, { kind: 'exited', exitCode: 0 }],
    [
      'the exit code of its last attempt, where the job has none',
      { startedAt: 1, container: {}, attempts: [{ container: { exitCode: 7 } }] },
      { kind: 'exited', exitCode: 7 },
    ],
    [
      'a refused ticket, which ran nothing',
      { startedAt: 1, container: { exitCode: 64 } },
      { kind: 'neverStarted', detail: expect.stringContaining('refused') },
    ],
    [
      'an API out of reach, which ran nothing',
      { startedAt: 1, container: { exitCode: 65 } },
      { kind: 'neverStarted', detail: expect.stringContaining('could not reach') },
    ],
    [
      'a lack of memory',
      {
        startedAt: 1,
        statusReason: 'Essential container in task exited',
        container: { exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' },
      },
      { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' },
    ],
    [
      'a kill',
      { startedAt: 1, container: { exitCode: 137 } },
      { kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' },
    ],
    [
      'a request to stop',
      { startedAt: 1, isTerminated: true, statusReason: 'somebody asked', container: { exitCode: 143 } },
      { kind: 'signaled', signal: 'SIGTERM', cause: 'killed_externally' },
    ],
    [
      'a crash',
      { startedAt: 1, container: { exitCode: 139 } },
      { kind: 'signaled', signal: 'SIGSEGV', cause: 'crashed' },
    ],
    ['a code beyond every signal', { startedAt: 1, container: { exitCode: 255 } }, { kind: 'exited', exitCode: 255 }],
    [
      'its time running out',
      {
        startedAt: 1,
        timeout: { attemptDurationSeconds: 60 },
        statusReason: 'Job attempt duration exceeded timeout',
        container: { exitCode: 137 },
      },
      { kind: 'timedOut', timeoutMs: 60_000 },
    ],
    [
      'the loss of its host, after it had started',
      { startedAt: 1, statusReason: 'Host EC2 (instance i-0) terminated.' },
      { kind: 'lost', detail: 'Host EC2 (instance i-0) terminated.' },
    ],
    [
      'the loss of its host, before it had started',
      { statusReason: 'Host EC2 (instance i-0) terminated.' },
      { kind: 'neverStarted', detail: 'Host EC2 (instance i-0) terminated.' },
    ],
    [
      'an image that cannot be pulled',
      { statusReason: 'Task failed to start', container: { reason: 'CannotPullContainerError: not found' } },
      { kind: 'neverStarted', detail: 'Task failed to start: CannotPullContainerError: not found' },
    ],
    ['nothing that AWS Batch tells', {}, { kind: 'neverStarted', detail: 'AWS Batch gave no reason' }],
  ])('is %s', (_what, facts, exit) => {
    expect(exitOfBatchJob(job(facts))).toEqual(exit)
  })
})
