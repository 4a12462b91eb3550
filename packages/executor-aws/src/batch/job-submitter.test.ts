import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { BatchStage, nameOf, handOver, submitted, one, revoked } from '../../../../testkit/batch-stage.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const WAIT = 'sleep 600'
const stage = new BatchStage()

describe('submitting to AWS Batch', () => {
  it('makes one job, and takes its id for the id by which the outside knows it', async () => {
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    const [job, ...more] = stage.double.batch.named(nameOf(workload))
    expect(more).toEqual([])
    expect(stand.externalIdOf(workload)).toBe(job?.facts.id)
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(1)
    expect(stand.executor.slotsOccupied).toBe(1)
  })

  it('names nothing of the workload but its dispatch, its ticket and the API', async () => {
    const workload = await one(stage.bench('exit 0', { env: { MODE: 'fast' } }))
    const { containerOverrides, retryStrategy, jobName } = stage.inputOf(workload)
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
    stage.double.batch.hold('RUNNABLE')
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    await stand.until(() => stage.double.batch.named(nameOf(workload))[0]?.status === 'RUNNABLE')
    expect(stand.recorded.map(({ kind }) => kind)).toEqual(['accepted'])
    stage.double.batch.release('RUNNABLE')
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    expect(stand.recorded.map(({ kind }) => kind)).toEqual(['accepted', 'running'])
  })

  it('lets the others pass when some are throttled, and submits those later', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'throttle' })
    const stand = stage.bench('exit 0', {}, 4)
    const workloads = await submitted(stand, 4)
    expect(stand.executor.slotsOccupied).toBe(4)
    await eventually(async () => {
      stand.clock.advance(1000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    expect(workloads.map((workload) => stage.double.batch.named(nameOf(workload)).length)).toEqual([1, 1, 1, 1])
    expect(stand.recorded.filter(({ kind }) => kind === 'ended')).toEqual([])
  })

  it('keeps work while its credentials have expired, without an attempt that counts, and goes on once they are renewed', async () => {
    const fault = stage.double.faults.begin('batch:*', { kind: 'expiredCredentials' })
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(stand.executor.slotsOccupied).toBe(1)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('Expired')
    stage.double.faults.end(fault)
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
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('credentials')
    await expect(stand.executor.start(AbortSignal.timeout(5000))).rejects.toThrow(/credentials/)
  })

  it('fails at once, with the words of AWS, what AWS will never take', async () => {
    const stand = stage.bench('exit 0', { queues: { gone: { jobQueue: 'nowhere' } } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'gone' })
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('JobQueue nowhere not found'),
      isPermanent: true,
    })
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('waits through an hour of throttling without losing or failing anything', async () => {
    const fault = stage.double.faults.begin('batch:SubmitJob', { kind: 'throttle' })
    const stand = stage.bench('exit 0', {}, 4)
    const workloads = handOver(stand, 4)
    for (let second = 0; second < 3600; second += 20) {
      await stand.begin()
      stand.clock.advance(20_000)
    }
    expect(stand.recorded).toEqual([])
    expect(stand.executor.slotsOccupied).toBe(4)
    stage.double.faults.end(fault)
    await eventually(async () => {
      stand.clock.advance(20_000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    for (const workload of workloads) expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(workloads.map((workload) => stage.double.batch.named(nameOf(workload)).length)).toEqual(
      workloads.map(() => 1),
    )
  })
})

describe('a submit whose answer is lost', () => {
  it('is found by its name, and not repeated', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.clock.advance(500)
    await stand.begin()
    expect(stand.externalIdOf(workload)).toBe(stage.double.batch.named(nameOf(workload))[0]?.facts.id)
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(1)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('is not repeated before its job had time to be seen', async () => {
    stage.double.batch.consistencyLag = 2
    stage.double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = stage.bench('exit 0', { submitSettleMs: 3000 })
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
    expect(stage.double.batch.named(nameOf(workload))).toHaveLength(1)
  })

  it('is repeated when nothing came of it', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'serverError' })
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    stand.clock.advance(500)
    await stand.begin()
    expect(stage.double.batch.named(nameOf(workload))).toHaveLength(1)
    expect(stage.double.calls.of('batch:ListJobs')).toBe(1)
  })

  it('leads to one job a hundred times, with the scheduler killed between call and answer each time', async () => {
    stage.double.images.define('sh:latest', { kind: 'idle', runMs: 60_000, exitCode: 0 })
    const stand = stage.bench('exit 0', {}, 200)
    const workloads = Array.from({ length: 100 }, () => taskWorkload())
    for (const [index, workload] of workloads.entries()) {
      // Half of the calls are carried out, and half are not.
      stage.double.faults.next('batch:SubmitJob', index % 2 === 0 ? { kind: 'loseAnswer' } : { kind: 'cut' })
      stand.handOver(workload)
      await stand.begin()
      stand.replace()
      stand.clock.advance(1000)
      stand.handOver(workload)
      await stand.begin()
      expect(stand.externalIdOf(workload)).not.toBeNull()
    }
    expect(workloads.map((workload) => stage.double.batch.named(nameOf(workload)).length)).toEqual(
      workloads.map(() => 1),
    )
  })

  it('counts the job that runs, when there are two after all', async () => {
    // The API would refuse the second worker; this one says so by its exit code.
    const folder = mkdtempSync(join(tmpdir(), 'fl-batch-'))
    const LOCK = join(folder, 'lock')
    const stand = stage.bench('mkdir "$LOCK" 2> /dev/null || exit 64; sleep 600', { env: { LOCK } })
    const workload = await one(stand)
    stage.double.batch.consistencyLag = 1
    stand.replace()
    stand.handOver(workload)
    stage.double.faults.next('batch:ListJobs', { kind: 'throttle' })
    await stand.begin()
    const [first] = stage.double.batch.named(nameOf(workload))
    await eventually(() => existsSync(LOCK))
    // What a list that came too early leads to.
    const { jobName, jobQueue, jobDefinition, containerOverrides } = stage.inputOf(workload)
    stage.double.batch.consistencyLag = 0
    const queue = stage.double.batch.findQueue(jobQueue)
    const definition = stage.double.batch.findDefinition(jobDefinition)
    if (queue === null || definition === null) throw new Error('The stage has neither.')
    const input = { jobName, jobQueue, jobDefinition, containerOverrides }
    const second = stage.double.batch.launch({ queue, definition, input, dependencies: [] })
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
    rmSync(folder, { recursive: true })
  })
})

describe('what a queue and a task say of their jobs', () => {
  it('goes over the settings, by name and key, and leaves the rest', async () => {
    stage.double.batch.defineQueue({ name: 'gpus' })
    const stand = stage.bench('exit 0', {
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
    const { jobQueue, containerOverrides, tags } = stage.inputOf(workload)
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
    const stand = stage.bench('exit 0', { queues: { learning: {} } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'lerning' })
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('"lerning"'),
      isPermanent: true,
    })
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(0)
  })
})
