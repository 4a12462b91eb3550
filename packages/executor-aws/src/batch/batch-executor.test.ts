import type { ExecuteTask } from '@fairlead/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../../../testkit/aws/index.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { ExecutorBench } from '../../../../testkit/executor-bench.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { BatchExecutor } from './batch-executor.ts'
import { jobNameOf } from './job-name.ts'

const QUEUE = 'line'
const DEFINITION = 'worker'

let double: AwsDouble

beforeEach(async () => {
  double = await startAwsDouble()
  for (const [name, value] of Object.entries(double.environment)) vi.stubEnv(name, value)
  double.batch.defineQueue({ name: QUEUE })
  double.batch.defineQueue({ name: 'other' })
  double.batch.defineJobDefinition({ name: DEFINITION, image: 'sh:latest' })
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await double.close()
})

/** A bench whose jobs run a line of shell. */
function bench(script: string, settings: object = {}, parallelism = 32): ExecutorBench {
  return new ExecutorBench({
    executorClass: BatchExecutor,
    parallelism,
    settings: {
      jobQueue: QUEUE,
      jobDefinition: DEFINITION,
      command: [script],
      poll: { shortestMs: 10 },
      submitSettleMs: 0,
      ...settings,
    },
  })
}

const nameOf = ({ taskInstance }: ExecuteTask): string => jobNameOf('bench', taskInstance.dispatchId)

function inputOf(workload: ExecuteTask) {
  const [job] = double.batch.named(nameOf(workload))
  if (job === undefined) throw new Error('It was not submitted.')
  return job.facts.input
}

function handOver(stand: ExecutorBench, count = 1): ExecuteTask[] {
  const workloads = Array.from({ length: count }, () => taskWorkload())
  for (const workload of workloads) stand.handOver(workload)
  return workloads
}

async function submitted(stand: ExecutorBench, count = 1): Promise<ExecuteTask[]> {
  const workloads = handOver(stand, count)
  await stand.begin()
  return workloads
}

/** The one workload that was handed over and submitted. */
async function one(stand: ExecutorBench, given: Parameters<typeof taskWorkload>[0] = {}): Promise<ExecuteTask> {
  const workload = taskWorkload(given)
  stand.handOver(workload)
  await stand.begin()
  return workload
}

const SUCCESS = { kind: 'exited', exitCode: 0 }
const WAIT = 'sleep 600'

describe('submitting to AWS Batch', () => {
  it('makes one job, and takes its id for the id by which the outside knows it', async () => {
    const stand = bench('exit 0')
    const workload = await one(stand)
    const [job, ...more] = double.batch.named(nameOf(workload))
    expect(more).toEqual([])
    expect(stand.externalIdOf(workload)).toBe(job?.facts.id)
    expect(double.calls.of('batch:SubmitJob')).toBe(1)
    expect(stand.executor.slotsOccupied).toBe(1)
  })

  it('names nothing of the workload but its dispatch, its ticket and the API', async () => {
    const workload = await one(bench('exit 0', { env: { MODE: 'fast' } }))
    const { containerOverrides, retryStrategy, jobName } = inputOf(workload)
    expect(containerOverrides?.environment).toEqual([
      { name: 'MODE', value: 'fast' },
      { name: 'FAIRLEAD__WORKER__API_URL', value: 'http://127.0.0.1:1' },
      { name: 'FAIRLEAD__WORKER__DISPATCH_ID', value: workload.taskInstance.dispatchId },
      { name: 'FAIRLEAD__WORKER__TICKET', value: 'ticket' },
    ])
    expect(retryStrategy).toEqual({ attempts: 1 })
    expect(jobName).toBe(`fairlead-bench-${workload.taskInstance.dispatchId}`)
  })

  it('says running once the job runs, and not before', async () => {
    double.batch.hold('RUNNABLE')
    const stand = bench(WAIT)
    const workload = await one(stand)
    await stand.until(() => double.batch.named(nameOf(workload))[0]?.status === 'RUNNABLE')
    expect(stand.recorded.map(({ kind }) => kind)).toEqual(['accepted'])
    double.batch.release('RUNNABLE')
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    expect(stand.recorded.map(({ kind }) => kind)).toEqual(['accepted', 'running'])
  })

  it('lets the others pass when some are throttled, and submits those later', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'throttle' })
    const stand = bench('exit 0', {}, 4)
    const workloads = await submitted(stand, 4)
    expect(stand.executor.slotsOccupied).toBe(4)
    await eventually(async () => {
      stand.clock.advance(1000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    expect(workloads.map((workload) => double.batch.named(nameOf(workload)).length)).toEqual([1, 1, 1, 1])
    expect(stand.recorded.filter(({ kind }) => kind === 'ended')).toEqual([])
  })

  it('keeps work while its credentials have expired, without an attempt that counts, and goes on once they are renewed', async () => {
    const fault = double.faults.begin('batch:*', { kind: 'expiredCredentials' })
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(stand.executor.slotsOccupied).toBe(1)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('Expired')
    double.faults.end(fault)
    await eventually(async () => {
      stand.clock.advance(10_000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('survives that there are no credentials at all', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', '')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent')
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent')
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('credentials')
    await expect(stand.executor.start(AbortSignal.timeout(5000))).rejects.toThrow(/credentials/)
  })

  it('fails at once, with the words of AWS, what AWS will never take', async () => {
    const stand = bench('exit 0', { queues: { gone: { jobQueue: 'nowhere' } } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'gone' })
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('JobQueue nowhere not found'),
    })
    expect(double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('waits through an hour of throttling without losing or failing anything', async () => {
    const fault = double.faults.begin('batch:SubmitJob', { kind: 'throttle' })
    const stand = bench('exit 0', {}, 8)
    const workloads = handOver(stand, 8)
    for (let second = 0; second < 3600; second += 10) {
      await stand.begin()
      stand.clock.advance(10_000)
    }
    expect(stand.recorded).toEqual([])
    expect(stand.executor.slotsOccupied).toBe(8)
    // One call finds out for all, and ever less often.
    expect(double.calls.of('batch:SubmitJob')).toBeLessThan(2000)
    double.faults.end(fault)
    await eventually(async () => {
      stand.clock.advance(20_000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    for (const workload of workloads) expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(workloads.map((workload) => double.batch.named(nameOf(workload)).length)).toEqual(workloads.map(() => 1))
  })
})

describe('a submit whose answer is lost', () => {
  it('is found by its name, and not repeated', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.clock.advance(500)
    await stand.begin()
    expect(stand.externalIdOf(workload)).toBe(double.batch.named(nameOf(workload))[0]?.facts.id)
    expect(double.calls.of('batch:SubmitJob')).toBe(1)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('is not repeated before its job had time to be seen', async () => {
    double.batch.consistencyLag = 2
    double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = bench('exit 0', { submitSettleMs: 3000 })
    const workload = await one(stand)
    for (let turn = 0; turn < 6; turn += 1) {
      stand.clock.advance(450)
      await stand.begin()
    }
    await eventually(async () => {
      stand.clock.advance(1000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
    expect(double.batch.named(nameOf(workload))).toHaveLength(1)
  })

  it('is repeated when nothing came of it', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'serverError' })
    const stand = bench('exit 0')
    const workload = await one(stand)
    stand.clock.advance(500)
    await stand.begin()
    expect(double.batch.named(nameOf(workload))).toHaveLength(1)
    expect(double.calls.of('batch:ListJobs')).toBe(1)
  })

  it('leads to one job a hundred times, with the scheduler killed between call and answer each time', async () => {
    double.images.define('sh:latest', { kind: 'idle', runMs: 60_000, exitCode: 0 })
    const stand = bench('exit 0', {}, 200)
    const workloads = Array.from({ length: 100 }, () => taskWorkload())
    for (const [index, workload] of workloads.entries()) {
      // Half of the calls are carried out, and half are not.
      double.faults.next('batch:SubmitJob', index % 2 === 0 ? { kind: 'loseAnswer' } : { kind: 'cut' })
      stand.handOver(workload)
      await stand.begin()
      stand.replace()
      stand.clock.advance(1000)
      stand.handOver(workload)
      await stand.begin()
      expect(stand.externalIdOf(workload)).not.toBeNull()
    }
    expect(workloads.map((workload) => double.batch.named(nameOf(workload)).length)).toEqual(workloads.map(() => 1))
  })

  it('counts the job that runs, when there are two after all', async () => {
    // The API would refuse the second worker; this one says so by its exit code.
    const stand = bench('mkdir "$LOCK" 2> /dev/null || exit 64; sleep 600', {
      env: { LOCK: `/tmp/${process.pid}-${Date.now()}` },
    })
    const workload = await one(stand)
    double.batch.consistencyLag = 1
    stand.replace()
    stand.handOver(workload)
    double.faults.next('batch:ListJobs', { kind: 'throttle' })
    await stand.begin()
    const [first] = double.batch.named(nameOf(workload))
    await eventually(() => first?.status === 'RUNNING')
    // What a list that came too early leads to.
    const { jobName, jobQueue, jobDefinition, containerOverrides } = inputOf(workload)
    double.batch.consistencyLag = 0
    const queue = double.batch.findQueue(jobQueue)
    const definition = double.batch.findDefinition(jobDefinition)
    if (queue === null || definition === null) throw new Error('The stage has neither.')
    const input = { jobName, jobQueue, jobDefinition, containerOverrides }
    const second = double.batch.launch({ queue, definition, input, dependencies: [] })
    await second.over
    await stand.executor.tryAdoptTaskInstances(
      [{ ...workload.taskInstance, externalId: second.facts.id }],
      AbortSignal.timeout(5000),
    )
    await stand.sync()
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([])
    await revoked(stand, workload)
    expect(first?.status).toBe('FAILED')
  })
})

describe('watching jobs', () => {
  it('asks nothing while nothing runs', async () => {
    const stand = bench('exit 0')
    await stand.sync()
    expect(double.calls.all()).toEqual({})
  })

  it('asks about hundreds at once, in as few calls as there can be', async () => {
    double.images.define('sh:latest', { kind: 'idle', runMs: 60_000, exitCode: 0 })
    const stand = bench('exit 0', {}, 250)
    await submitted(stand, 250)
    await stand.sync()
    expect(double.calls.of('batch:DescribeJobs')).toBe(3)
  })

  it('asks less and less often about a job that stays as it is', async () => {
    double.images.define('sh:latest', { kind: 'idle', runMs: 7_200_000, exitCode: 0 })
    const stand = bench('exit 0', { poll: { shortestMs: 2000 } })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    double.calls.reset()
    for (let turn = 0; turn < 1800; turn += 1) {
      stand.clock.advance(2000)
      await stand.sync()
    }
    expect(double.calls.of('batch:DescribeJobs')).toBeLessThan(400)
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('reports an end once, and holds nothing of it', async () => {
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
    expect(stand.executor.slotsOccupied).toBe(0)
    expect(await stand.store.list('')).toEqual([])
  })

  it('never runs user code a second time by itself', async () => {
    const stand = bench('exit 3')
    const [failing, killed] = await submitted(stand, 2)
    if (failing === undefined || killed === undefined) throw new Error('There are two.')
    expect(await stand.endOf(failing)).toEqual({ kind: 'exited', exitCode: 3 })
    await stand.endOf(killed)
    for (let turn = 0; turn < 5; turn += 1) {
      stand.clock.advance(60_000)
      await stand.begin()
      await stand.sync()
    }
    expect(double.calls.of('batch:SubmitJob')).toBe(2)
  })

  it('tells a kill, a lack of memory and the loss of a host apart', async () => {
    const stand = bench(WAIT)
    const [killed, hungry, homeless] = await submitted(stand, 3)
    if (killed === undefined || hungry === undefined || homeless === undefined) throw new Error('There are three.')
    await stand.until(() => double.batch.jobs().every(({ status }) => status === 'RUNNING'))
    const idOf = (workload: ExecuteTask): string => stand.externalIdOf(workload) ?? ''
    double.batch.kill(idOf(killed))
    double.batch.killForMemory(idOf(hungry))
    double.batch.loseHost(idOf(homeless))
    expect(await stand.endOf(killed)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
    expect(await stand.endOf(hungry)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' })
    expect(await stand.endOf(homeless)).toEqual({ kind: 'lost', detail: expect.stringContaining('Host EC2') })
  })

  it('costs no try what never started', async () => {
    double.batch.defineJobDefinition({ name: 'imageless', image: 'nowhere:none' })
    const stand = bench('exit 0', { jobDefinition: 'imageless' })
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('CannotPullContainerError'),
    })
  })

  it('gives up a job that AWS says nothing of, after a grace, and keeps no slot for it', async () => {
    const stand = bench(WAIT, { missingGraceMs: 60_000 })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    await double.batch.vanish(stand.externalIdOf(workload) ?? '')
    await stand.sync()
    stand.clock.advance(59_999)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([])
    stand.clock.advance(1)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([{ kind: 'lost', detail: expect.stringContaining('knows nothing of job') }])
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('is not irritated by a job that is not to be seen right after its submit', async () => {
    double.batch.consistencyLag = 3
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('says what went wrong with a poll, and ends nothing for it', async () => {
    const stand = bench(WAIT)
    const workload = await one(stand)
    double.faults.next('batch:DescribeJobs', {
      kind: 'error',
      code: 'AccessDeniedException',
      message: 'not yours',
      status: 403,
    })
    await expect(stand.sync()).rejects.toThrow('not yours')
    double.faults.next('batch:DescribeJobs', { kind: 'expiredCredentials' })
    await expect(stand.sync()).rejects.toThrow(/expired/i)
    expect(stand.endsOf(workload)).toEqual([])
    await stand.sync()
    expect(stand.executor.slotsOccupied).toBe(1)
  })

  it('says what a job waits for, unless AWS says that it will never come', async () => {
    const stand = bench('exit 0')
    double.batch.block(QUEUE, 'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested')
    const workload = await one(stand)
    const { dispatchId } = workload.taskInstance
    await stand.until(() => stand.executor.waitingFor?.(dispatchId)?.includes('INSUFFICIENT_INSTANCE_CAPACITY'))
    double.batch.block(QUEUE, 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job wants more than there is')
    await stand.until(() => stand.executor.waitingFor?.(dispatchId) === null)
    double.batch.block(QUEUE, null)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('ends a job whose time is over as timed out', async () => {
    const stand = bench(WAIT, { timeoutSeconds: 60 })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    double.clock.advance(61_000)
    expect(await stand.endOf(workload)).toEqual({ kind: 'timedOut', timeoutMs: 60_000 })
  })
})

describe('what a queue and a task say of their jobs', () => {
  it('goes over the settings, by name and key, and leaves the rest', async () => {
    double.batch.defineQueue({ name: 'gpus' })
    const stand = bench('exit 0', {
      vcpus: 1,
      memoryMiB: 512,
      env: { A: '1', B: '1' },
      tags: { team: 'one', 'Cost Centre': '7' },
      queues: { learning: { jobQueue: 'gpus', gpus: 1, env: { B: '2' } } },
    })
    const workload = taskWorkload({ taskInstance: { queue: 'learning' } })
    const executorConfig = { memoryMiB: 4096, env: { A: null, C: '3' } }
    stand.handOver(workload, { queue: 'learning', executorConfig })
    await stand.begin()
    const { jobQueue, containerOverrides, tags } = inputOf(workload)
    expect(jobQueue).toBe('gpus')
    expect(tags).toEqual({ team: 'one', 'Cost Centre': '7' })
    expect(containerOverrides?.resourceRequirements).toEqual([
      { type: 'VCPU', value: '1' },
      { type: 'MEMORY', value: '4096' },
      { type: 'GPU', value: '1' },
    ])
    const own = containerOverrides?.environment?.filter(({ name }) => !name.startsWith('FAIRLEAD'))
    expect(own).toEqual([
      { name: 'B', value: '2' },
      { name: 'C', value: '3' },
    ])
    expect(executorConfig).toEqual({ memoryMiB: 4096, env: { A: null, C: '3' } })
  })

  it('refuses a queue that nobody named', async () => {
    const stand = bench('exit 0', { queues: { learning: {} } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'lerning' })
    expect(await stand.endOf(workload)).toEqual({ kind: 'neverStarted', detail: expect.stringContaining('"lerning"') })
    expect(double.calls.of('batch:SubmitJob')).toBe(0)
  })
})

describe('after the death of a scheduler', () => {
  it('adopts what AWS knows, by its id, and answers the rest', async () => {
    const stand = bench(WAIT)
    const [named, vanished] = await submitted(stand, 2)
    const stranger = taskWorkload()
    if (named === undefined || vanished === undefined) throw new Error('There are two.')
    await double.batch.vanish(stand.externalIdOf(vanished) ?? '')
    stand.replace()
    const missing = await stand.adopt(named, vanished, stranger)
    expect(missing.map(({ dispatchId }) => dispatchId)).toEqual([
      vanished.taskInstance.dispatchId,
      stranger.taskInstance.dispatchId,
    ])
    expect(stand.executor.slotsOccupied).toBe(1)
    double.batch.kill(stand.externalIdOf(named) ?? '')
    expect(await stand.endOf(named)).toMatchObject({ kind: 'signaled' })
  })

  it('adopts what was submitted and never heard of, by its name', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = bench('exit 0')
    const workload = await one(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.replace()
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('adopts what has ended meanwhile, and reports its end', async () => {
    const stand = bench('exit 5')
    const workload = await one(stand)
    await double.batch.named(nameOf(workload))[0]?.over
    stand.replace()
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual({ kind: 'exited', exitCode: 5 })
  })

  it('answers what ended so long ago that AWS has forgotten it', async () => {
    const stand = bench('exit 0')
    const workload = await one(stand)
    await double.batch.named(nameOf(workload))[0]?.over
    double.clock.advance(25 * 60 * 60 * 1000)
    stand.replace()
    expect(await stand.adopt(workload)).toHaveLength(1)
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('adopts no job of another executor', async () => {
    const workload = await one(bench(WAIT))
    const other = new ExecutorBench({
      executorClass: BatchExecutor,
      name: 'other',
      settings: { jobQueue: QUEUE, jobDefinition: DEFINITION },
    })
    const externalId = double.batch.named(nameOf(workload))[0]?.facts.id ?? ''
    const answer = await other.executor.tryAdoptTaskInstances(
      [{ ...workload.taskInstance, externalId }],
      AbortSignal.timeout(5000),
    )
    expect(answer).toHaveLength(1)
  })
})

describe('stopping', () => {
  it.each([
    ['RUNNABLE', 'CancelJob'],
    ['STARTING', 'TerminateJob'],
  ] as const)('a job that is %s is done by %s, and confirmed', async (status, operation) => {
    double.batch.hold(status)
    const stand = bench(WAIT)
    const workload = await one(stand)
    await eventually(() => double.batch.named(nameOf(workload))[0]?.status === status)
    const released = eventually(() => double.calls.of(`batch:${operation}`) > 0)
    await Promise.all([revoked(stand, workload), released.then(() => double.batch.release(status))])
    expect(double.batch.named(nameOf(workload))[0]?.status).toBe('FAILED')
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('a job that runs ends its process, and says nothing of it', async () => {
    const stand = bench(WAIT)
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    const pid = double.batch.pidOf(stand.externalIdOf(workload) ?? '')
    await revoked(stand, workload)
    expect(() => process.kill(pid ?? 0, 0)).toThrow()
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([])
    expect(await stand.store.list('')).toEqual([])
  })

  it('is done by the new scheduler too, for a job whose id nobody heard', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = bench(WAIT)
    const workload = await one(stand)
    stand.replace()
    await revoked(stand, workload)
    expect(double.batch.named(nameOf(workload))[0]?.status).toBe('FAILED')
  })

  it('is not confirmed while AWS does not answer', async () => {
    const stand = bench(WAIT)
    const workload = await one(stand)
    const fault = double.faults.begin('batch:*', { kind: 'serverError' })
    await expect(stand.revoke(workload)).rejects.toThrow()
    expect(stand.executor.slotsOccupied).toBe(1)
    double.faults.end(fault)
    await revoked(stand, workload)
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('by force ends all of its own, and one refusal keeps no other from it', async () => {
    const stand = bench(WAIT)
    const workloads = await submitted(stand, 3)
    double.faults.next('batch:TerminateJob', { kind: 'throttle' })
    const ended = stand.executor.terminate().catch((error: unknown) => error)
    await Promise.all([ended, eventually(() => (stand.clock.advance(500), double.batch.running().length <= 1))])
    expect(workloads).toHaveLength(3)
  })

  it('in order launches nothing more, and leaves what runs to be adopted', async () => {
    double.faults.next('batch:SubmitJob', { kind: 'throttle' })
    const stand = bench(WAIT, {}, 1)
    const [workload] = await submitted(stand, 1)
    await stand.executor.end(AbortSignal.timeout(1000))
    stand.clock.advance(60_000)
    await stand.begin()
    expect(double.batch.jobs()).toEqual([])
    expect(workload).toBeDefined()
  })
})

/** Revokes a task, and lets the bench's clock go on until that is over. */
async function revoked(stand: ExecutorBench, workload: ExecuteTask): Promise<void> {
  let isOver = false
  const done = stand.revoke(workload).finally(() => (isOver = true))
  await Promise.all([done, eventually(() => (stand.clock.advance(100), isOver))])
}

describe('the health check', () => {
  const check = async (settings: object = {}): Promise<void> => {
    await bench('exit 0', settings).executor.start(AbortSignal.timeout(10_000))
  }

  it('passes where everything is there, and submits nothing', async () => {
    await check()
    expect(double.batch.jobs()).toEqual([])
  })

  it.each<[string, object, string]>([
    ['a queue that is not there', { jobQueue: 'nowhere' }, 'There is no job queue "nowhere"'],
    ['a queue of a profile', { queues: { x: { jobQueue: 'nowhere' } } }, 'There is no job queue "nowhere"'],
    ['a definition that is not there', { jobDefinition: 'nothing' }, 'There is no active job definition "nothing"'],
  ])('says which is wrong: %s', async (_what, settings, message) => {
    await expect(check(settings)).rejects.toThrow(message)
  })

  it('says that a queue is disabled, or invalid', async () => {
    double.batch.defineQueue({ name: QUEUE, state: 'DISABLED' })
    await expect(check()).rejects.toThrow('The job queue "line" is DISABLED')
    double.batch.defineQueue({ name: QUEUE, status: 'INVALID' })
    await expect(check()).rejects.toThrow('The job queue "line" is INVALID')
  })

  it('says that a definition is inactive, or for many nodes', async () => {
    double.batch.deregisterJobDefinition(double.batch.findDefinition(DEFINITION)?.arn ?? '')
    await expect(check()).rejects.toThrow('no active job definition "worker"')
    double.batch.defineJobDefinition({ name: DEFINITION, type: 'multinode' })
    await expect(check()).rejects.toThrow('is for multi-node parallel jobs')
  })

  it('names a permission that is missing', async () => {
    const denied = { kind: 'error', code: 'AccessDeniedException', message: 'not authorized', status: 403 } as const
    double.faults.next('batch:SubmitJob', denied)
    await expect(check()).rejects.toThrow(
      'The permission batch:SubmitJob is missing: AccessDeniedException: not authorized',
    )
    double.faults.next('batch:TerminateJob', denied)
    await expect(check()).rejects.toThrow('The permission batch:TerminateJob is missing')
  })

  it('can be left out', async () => {
    await check({ checkHealth: false, jobQueue: 'nowhere' })
    expect(double.calls.all()).toEqual({})
  })
})
