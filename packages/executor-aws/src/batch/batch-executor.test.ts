import { describe, expect, it } from 'vitest'
import { BatchStage, QUEUE, DEFINITION, nameOf, submitted, one, revoked } from '../../../../testkit/batch-stage.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { ExecutorBench } from '../../../../testkit/executor-bench.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { BatchExecutor } from './batch-executor.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const WAIT = 'sleep 600'
const stage = new BatchStage()

describe('after the death of a scheduler', () => {
  it('adopts what AWS knows, by its id, and answers the rest', async () => {
    const stand = stage.bench(WAIT)
    const [named, vanished] = await submitted(stand, 2)
    const stranger = taskWorkload()
    if (named === undefined || vanished === undefined) throw new Error('There are two.')
    await stage.double.batch.vanish(stand.externalIdOf(vanished) ?? '')
    stand.replace()
    const missing = await stand.adopt(named, vanished, stranger)
    expect(missing.map(({ dispatchId }) => dispatchId)).toEqual([
      vanished.taskInstance.dispatchId,
      stranger.taskInstance.dispatchId,
    ])
    expect(stand.executor.slotsOccupied).toBe(1)
    stage.double.batch.kill(stand.externalIdOf(named) ?? '')
    expect(await stand.endOf(named)).toMatchObject({ kind: 'signaled' })
  })

  it('adopts what was submitted and never heard of, by its name', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.replace()
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('adopts what has ended meanwhile, and reports its end', async () => {
    const stand = stage.bench('exit 5')
    const workload = await one(stand)
    await stage.double.batch.named(nameOf(workload))[0]?.over
    stand.replace()
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual({ kind: 'exited', exitCode: 5 })
  })

  it('answers what ended so long ago that AWS has forgotten it', async () => {
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    await stage.double.batch.named(nameOf(workload))[0]?.over
    stage.double.clock.advance(25 * 60 * 60 * 1000)
    stand.replace()
    expect(await stand.adopt(workload)).toHaveLength(1)
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('drops rows that outlived their workloads by a month, and no others', async () => {
    const stand = stage.bench(WAIT)
    const at = (ms: number): string =>
      `job/${ms
        .toString(16)
        .padStart(12, '0')
        .replace(/^(.{8})/, '$1-')}-7000-8000-000000000000`
    const [old, young] = [at(stand.clock.now() - 31 * 86_400_000), at(stand.clock.now() - 29 * 86_400_000)]
    for (const key of [old, young]) await stand.store.set(key, { jobQueue: 'line', submittedAt: 0 })
    await stand.executor.start(AbortSignal.timeout(5000))
    expect((await stand.store.list('')).map(({ key }) => key)).toEqual([young])
  })

  it('adopts no job of another executor', async () => {
    const workload = await one(stage.bench(WAIT))
    const other = new ExecutorBench({
      executorClass: BatchExecutor,
      name: 'other',
      settings: { jobQueue: QUEUE, jobDefinition: DEFINITION },
    })
    const externalId = stage.double.batch.named(nameOf(workload))[0]?.facts.id ?? ''
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
    stage.double.batch.hold(status)
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    await eventually(() => stage.double.batch.named(nameOf(workload))[0]?.status === status)
    const released = eventually(() => stage.double.calls.of(`batch:${operation}`) > 0)
    await Promise.all([revoked(stand, workload), released.then(() => stage.double.batch.release(status))])
    expect(stage.double.batch.named(nameOf(workload))[0]?.status).toBe('FAILED')
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('a job that runs ends its process, and says nothing of it', async () => {
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    const pid = stage.double.batch.pidOf(stand.externalIdOf(workload) ?? '')
    await revoked(stand, workload)
    expect(() => process.kill(pid ?? 0, 0)).toThrow()
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([])
    expect(await stand.store.list('')).toEqual([])
  })

  it('is done by the new scheduler too, for a job whose id nobody heard', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'loseAnswer' })
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    stand.replace()
    await revoked(stand, workload)
    expect(stage.double.batch.named(nameOf(workload))[0]?.status).toBe('FAILED')
  })

  it('is not confirmed while AWS does not answer', async () => {
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    const fault = stage.double.faults.begin('batch:*', { kind: 'serverError' })
    await expect(stand.revoke(workload)).rejects.toThrow()
    expect(stand.executor.slotsOccupied).toBe(1)
    stage.double.faults.end(fault)
    await revoked(stand, workload)
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('by force ends all of its own, and one refusal keeps no other from it', async () => {
    const stand = stage.bench(WAIT)
    const workloads = await submitted(stand, 3)
    stage.double.faults.next('batch:TerminateJob', { kind: 'throttle' })
    const ended = stand.executor.terminate().catch((error: unknown) => error)
    await Promise.all([ended, eventually(() => (stand.clock.advance(500), stage.double.batch.running().length <= 1))])
    expect(workloads).toHaveLength(3)
  })

  it('in order launches nothing more, and leaves what runs to be adopted', async () => {
    stage.double.faults.next('batch:SubmitJob', { kind: 'throttle' })
    const stand = stage.bench(WAIT, {}, 1)
    const [workload] = await submitted(stand, 1)
    await stand.executor.end(AbortSignal.timeout(1000))
    stand.clock.advance(60_000)
    await stand.begin()
    expect(stage.double.batch.jobs()).toEqual([])
    expect(workload).toBeDefined()
  })
})
