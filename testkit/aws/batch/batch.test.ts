import {
  BatchClient,
  CancelJobCommand,
  DescribeJobDefinitionsCommand,
  DescribeJobQueuesCommand,
  DescribeJobsCommand,
  ListJobsCommand,
  SubmitJobCommand,
  TerminateJobCommand,
  type JobDetail,
  type SubmitJobCommandInput,
} from '@aws-sdk/client-batch'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../eventually.ts'
import type { AwsDouble } from '../aws-double.ts'
import { startCheckedDouble } from '../model/checked-double.ts'

let double: AwsDouble
let batch: BatchClient

beforeEach(async () => {
  double = await startCheckedDouble()
  batch = new BatchClient({ ...double.client, maxAttempts: 1 })
  double.batch.defineQueue({ name: 'jobs' })
  double.batch.defineJobDefinition({ name: 'worker', image: 'sh:latest', environment: [{ name: 'WHO', value: 'it' }] })
})

afterEach(async () => {
  batch.destroy()
  await double.close()
})

async function submit(script: string, more: Partial<SubmitJobCommandInput> = {}): Promise<string> {
  const input = { jobName: 'job', jobQueue: 'jobs', jobDefinition: 'worker', containerOverrides: { command: [script] } }
  return (await batch.send(new SubmitJobCommand({ ...input, ...more }))).jobId ?? ''
}

async function jobOf(id: string): Promise<JobDetail | null> {
  return (await batch.send(new DescribeJobsCommand({ jobs: [id] }))).jobs?.[0] ?? null
}

async function until(id: string, status: string): Promise<JobDetail> {
  return await eventually(async () => {
    const job = await jobOf(id)
    return job?.status === status ? job : null
  })
}

describe('the life of a job', () => {
  it('runs the command as a process, and tells its exit code, its log stream and its times', async () => {
    const id = await submit('echo "$WHO is $AWS_BATCH_JOB_ID"')
    const job = await until(id, 'SUCCEEDED')
    expect(job).toMatchObject({
      statusReason: 'Essential container in task exited',
      container: { exitCode: 0, logStreamName: expect.stringMatching(/^worker\/default\/[0-9a-f]{32}$/) as string },
      attempts: [{ container: { exitCode: 0 } }],
      isTerminated: false,
      isCancelled: false,
    })
    expect(job.stoppedAt).toBeGreaterThanOrEqual(job.startedAt ?? Number.NaN)
    expect(double.logs.textOf('/aws/batch/job', job.container?.logStreamName ?? '')).toBe(`it is ${id}\n`)
  })

  it('fails with the exit code of the process', async () => {
    const job = await until(await submit('exit 3'), 'FAILED')
    expect(job.container?.exitCode).toBe(3)
  })

  it('has no start and no exit code when the image cannot be pulled', async () => {
    double.batch.defineJobDefinition({ name: 'broken', image: 'nobody/knows:1' })
    const job = await until(await submit('x', { jobDefinition: 'broken' }), 'FAILED')
    expect(job.statusReason).toBe('Task failed to start')
    expect(job.container?.reason).toContain('CannotPullContainerError')
    expect(job.startedAt).toBeUndefined()
    expect(job.container?.exitCode).toBeUndefined()
  })

  it('has a start and no exit code when its host is lost, and one when it used too much memory', async () => {
    const [lost, big] = [await submit('sleep 60'), await submit('sleep 60')]
    await until(lost, 'RUNNING')
    await until(big, 'RUNNING')
    double.batch.loseHost(lost)
    double.batch.killForMemory(big)
    const job = await until(lost, 'FAILED')
    expect(job.statusReason).toMatch(/^Host EC2 \(instance i-[0-9a-f]+\) terminated\.$/)
    expect(job.startedAt).toBeDefined()
    expect(job.container?.exitCode).toBeUndefined()
    expect((await until(big, 'FAILED')).container).toMatchObject({
      exitCode: 137,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    })
  })

  it('is tried again as its strategy says, each attempt told', async () => {
    const retryStrategy = {
      attempts: 3,
      evaluateOnExit: [
        { onExitCode: '9', action: 'EXIT' as const },
        { onStatusReason: 'Essential*', action: 'RETRY' as const },
      ],
    }
    const job = await until(await submit('exit $((7 + $AWS_BATCH_JOB_ATTEMPT))', { retryStrategy }), 'FAILED')
    expect(job.attempts?.map(({ container }) => container?.exitCode)).toEqual([8, 9])
  })

  it('ends at its timeout, and is not tried again', async () => {
    const id = await submit('sleep 60', { timeout: { attemptDurationSeconds: 60 }, retryStrategy: { attempts: 2 } })
    await until(id, 'RUNNING')
    double.clock.advance(60_000)
    const job = await until(id, 'FAILED')
    expect(job.statusReason).toBe('Job attempt duration exceeded timeout')
    expect(job.attempts).toHaveLength(1)
  })

  it('waits for what it depends on, and fails with it', async () => {
    double.batch.hold('RUNNABLE')
    const first = await submit('exit 1')
    const second = await submit('exit 0', { dependsOn: [{ jobId: first }] })
    await until(second, 'PENDING')
    double.batch.release('RUNNABLE')
    expect((await until(second, 'FAILED')).statusReason).toBe('Dependent Job failed')
  })

  it('waits where its queue has no room, and says why', async () => {
    double.batch.block('jobs', 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity')
    const id = await submit('exit 0')
    await eventually(async () => (await jobOf(id))?.statusReason?.startsWith('CAPACITY:'))
    expect((await jobOf(id))?.status).toBe('RUNNABLE')
    double.batch.block('jobs', null)
    await until(id, 'SUCCEEDED')
  })

  it('is gone a day after its end, and at once when it vanished', async () => {
    const [old, sudden] = [await submit('exit 0'), await submit('sleep 60')]
    await until(old, 'SUCCEEDED')
    await until(sudden, 'RUNNING')
    const pid = double.batch.pidOf(sudden) ?? 0
    await double.batch.vanish(sudden)
    expect(await jobOf(sudden)).toBeNull()
    expect(() => process.kill(pid, 0)).toThrow()
    double.clock.advance(25 * 3_600_000)
    expect(await jobOf(old)).toBeNull()
  })
})

describe('TerminateJob and CancelJob', () => {
  it('end a running job with SIGTERM, and with SIGKILL after half a minute', async () => {
    const [polite, stubborn] = [
      await submit('trap "exit 9" TERM; while :; do sleep 0.05; done'),
      await submit('trap "" TERM; while :; do sleep 0.05; done'),
    ]
    for (const jobId of [polite, stubborn]) {
      await until(jobId, 'RUNNING')
      await batch.send(new TerminateJobCommand({ jobId, reason: 'cancelled' }))
    }
    expect(await until(polite, 'FAILED')).toMatchObject({
      statusReason: 'cancelled',
      isTerminated: true,
      container: { exitCode: 9 },
    })
    double.clock.advance(30_000)
    expect((await until(stubborn, 'FAILED')).container?.exitCode).toBe(137)
  })

  it('take a waiting job off the queue; cancelling does nothing to a running one', async () => {
    double.batch.hold('RUNNABLE')
    const waiting = await submit('exit 0')
    await until(waiting, 'RUNNABLE')
    await batch.send(new CancelJobCommand({ jobId: waiting, reason: 'not wanted' }))
    const job = await until(waiting, 'FAILED')
    expect(job).toMatchObject({ statusReason: 'not wanted', isCancelled: true, isTerminated: false })
    expect(job.startedAt).toBeUndefined()
    double.batch.release('RUNNABLE')
    const running = await submit('sleep 0.2')
    await until(running, 'RUNNING')
    await batch.send(new CancelJobCommand({ jobId: running, reason: 'too late' }))
    expect((await until(running, 'SUCCEEDED')).isCancelled).toBe(false)
  })
})

describe('SubmitJob', () => {
  it.each<[string, Partial<SubmitJobCommandInput>, RegExp]>([
    ['a name that starts with a hyphen', { jobName: '-job' }, /valid pattern/],
    ['a name that is too long', { jobName: 'x'.repeat(129) }, /valid pattern/],
    ['an unknown queue', { jobQueue: 'nowhere' }, /JobQueue nowhere not found/],
    ['an unknown definition', { jobDefinition: 'worker:9' }, /JobDefinition worker:9 not found/],
    ['an empty word in the command', { containerOverrides: { command: [''] } }, /empty strings/],
    [
      'a reserved variable',
      { containerOverrides: { environment: [{ name: 'AWS_BATCH_X', value: '1' }] } },
      /reserved AWS_BATCH/,
    ],
    ['too short a timeout', { timeout: { attemptDurationSeconds: 59 } }, /at least 60 seconds/],
    ['too many attempts', { retryStrategy: { attempts: 11 } }, /between 1 and 10/],
    ['more than 30 KiB', { containerOverrides: { command: ['x'.repeat(31_000)] } }, /30 KiB/],
  ])('refuses %s', async (_, more, message) => {
    await expect(submit('exit 0', more)).rejects.toMatchObject({
      name: 'ClientException',
      message: expect.stringMatching(message) as string,
    })
  })

  it('knows no token: the same request twice is two jobs', async () => {
    expect(await submit('exit 0')).not.toBe(await submit('exit 0'))
  })
})

describe('what can be asked', () => {
  it('lists running jobs, jobs by status, and jobs by name whatever their status', async () => {
    const [done, running] = [await submit('exit 0', { jobName: 'done-1' }), await submit('sleep 60')]
    await until(done, 'SUCCEEDED')
    await until(running, 'RUNNING')
    const list = async (more: object): Promise<readonly (string | undefined)[]> => {
      const { jobSummaryList = [] } = await batch.send(new ListJobsCommand({ jobQueue: 'jobs', ...more }))
      return jobSummaryList.map(({ jobId }) => jobId)
    }
    expect(await list({})).toEqual([running])
    expect(await list({ jobStatus: 'SUCCEEDED' })).toEqual([done])
    expect(await list({ filters: [{ name: 'JOB_NAME', values: ['DONE-*'] }] })).toEqual([done])
    expect(await list({ filters: [{ name: 'AFTER_CREATED_AT', values: ['0'] }] })).toHaveLength(2)
    const page = await batch.send(
      new ListJobsCommand({ jobQueue: 'jobs', maxResults: 1, filters: [{ name: 'JOB_NAME', values: ['*'] }] }),
    )
    expect(page.jobSummaryList).toHaveLength(1)
    expect(page.nextToken).toBeDefined()
    await expect(batch.send(new ListJobsCommand({}))).rejects.toMatchObject({ name: 'ClientException' })
  })

  it('describes a hundred jobs at most, leaves out what it does not know, and misses what is too new', async () => {
    double.batch.consistencyLag = 1
    const id = await submit('exit 0')
    expect((await batch.send(new DescribeJobsCommand({ jobs: ['unknown', id] }))).jobs).toEqual([])
    expect((await batch.send(new DescribeJobsCommand({ jobs: ['unknown', id] }))).jobs).toHaveLength(1)
    const many = Array.from({ length: 101 }, (_, index) => String(index))
    await expect(batch.send(new DescribeJobsCommand({ jobs: many }))).rejects.toMatchObject({ name: 'ClientException' })
  })

  it('describes queues and definitions by name and revision', async () => {
    double.batch.defineJobDefinition({ name: 'worker', image: 'sh:latest', timeoutSeconds: 90 })
    const { jobQueues } = await batch.send(new DescribeJobQueuesCommand({ jobQueues: ['jobs', 'nowhere'] }))
    expect(jobQueues).toMatchObject([{ jobQueueName: 'jobs', state: 'ENABLED', status: 'VALID' }])
    const { jobDefinitions } = await batch.send(
      new DescribeJobDefinitionsCommand({ jobDefinitionName: 'worker', status: 'ACTIVE' }),
    )
    expect(jobDefinitions?.map(({ revision }) => revision)).toEqual([2, 1])
    const one = await batch.send(new DescribeJobDefinitionsCommand({ jobDefinitions: ['worker:2'] }))
    expect(one.jobDefinitions).toMatchObject([{ revision: 2, timeout: { attemptDurationSeconds: 90 } }])
  })
})
