import type { ExecuteTask } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { BatchStage, QUEUE, submitted, one } from '../../../../testkit/batch-stage.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const WAIT = 'sleep 600'
const stage = new BatchStage()

describe('watching jobs', () => {
  it('asks nothing while nothing runs', async () => {
    const stand = stage.bench('exit 0')
    await stand.sync()
    expect(stage.double.calls.all()).toEqual({})
  })

  it('asks about hundreds at once, in as few calls as there can be', async () => {
    stage.double.images.define('sh:latest', { kind: 'idle', runMs: 60_000, exitCode: 0 })
    const stand = stage.bench('exit 0', {}, 250)
    await submitted(stand, 250)
    await stand.sync()
    expect(stage.double.calls.of('batch:DescribeJobs')).toBe(3)
  })

  it('asks less and less often about a job that stays as it is', async () => {
    stage.double.images.define('sh:latest', { kind: 'idle', runMs: 7_200_000, exitCode: 0 })
    const stand = stage.bench('exit 0', { poll: { shortestMs: 2000 } })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    stage.double.calls.reset()
    for (let turn = 0; turn < 1800; turn += 1) {
      stand.clock.advance(2000)
      await stand.sync()
    }
    expect(stage.double.calls.of('batch:DescribeJobs')).toBeLessThan(400)
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('reports an end once, and holds nothing of it', async () => {
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
    expect(stand.executor.slotsOccupied).toBe(0)
    expect(await stand.store.list('')).toEqual([])
  })

  it('never runs user code a second time by itself', async () => {
    const stand = stage.bench('exit 3')
    const [failing, killed] = await submitted(stand, 2)
    if (failing === undefined || killed === undefined) throw new Error('There are two.')
    expect(await stand.endOf(failing)).toEqual({ kind: 'exited', exitCode: 3 })
    await stand.endOf(killed)
    for (let turn = 0; turn < 5; turn += 1) {
      stand.clock.advance(60_000)
      await stand.begin()
      await stand.sync()
    }
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(2)
  })

  it('tells a kill, a lack of memory and the loss of a host apart', async () => {
    const stand = stage.bench(WAIT)
    const [killed, hungry, homeless] = await submitted(stand, 3)
    if (killed === undefined || hungry === undefined || homeless === undefined) throw new Error('There are three.')
    await stand.until(() => stage.double.batch.jobs().every(({ status }) => status === 'RUNNING'))
    const idOf = (workload: ExecuteTask): string => stand.externalIdOf(workload) ?? ''
    stage.double.batch.kill(idOf(killed))
    stage.double.batch.killForMemory(idOf(hungry))
    stage.double.batch.loseHost(idOf(homeless))
    expect(await stand.endOf(killed)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'killed_externally' })
    expect(await stand.endOf(hungry)).toEqual({ kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' })
    expect(await stand.endOf(homeless)).toEqual({ kind: 'lost', detail: expect.stringContaining('Host EC2') })
  })

  it('costs no try what never started', async () => {
    stage.double.batch.defineJobDefinition({ name: 'imageless', image: 'nowhere:none' })
    const stand = stage.bench('exit 0', { jobDefinition: 'imageless' })
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('CannotPullContainerError'),
    })
  })

  it('gives up a job that AWS says nothing of, after a grace, and keeps no slot for it', async () => {
    const stand = stage.bench(WAIT, { missingGraceMs: 60_000 })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    await stage.double.batch.vanish(stand.externalIdOf(workload) ?? '')
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
    stage.double.batch.consistencyLag = 3
    const stand = stage.bench('exit 0')
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stage.double.calls.of('batch:SubmitJob')).toBe(1)
  })

  it('says what went wrong with a poll, and ends nothing for it', async () => {
    const stand = stage.bench(WAIT)
    const workload = await one(stand)
    stage.double.faults.next('batch:DescribeJobs', {
      kind: 'error',
      code: 'AccessDeniedException',
      message: 'not yours',
      status: 403,
    })
    await expect(stand.sync()).rejects.toThrow('not yours')
    stage.double.faults.next('batch:DescribeJobs', { kind: 'expiredCredentials' })
    await expect(stand.sync()).rejects.toThrow(/expired/i)
    expect(stand.endsOf(workload)).toEqual([])
    await stand.sync()
    expect(stand.executor.slotsOccupied).toBe(1)
  })

  it('says what a job waits for, unless AWS says that it will never come', async () => {
    const stand = stage.bench('exit 0')
    stage.double.batch.block(
      QUEUE,
      'CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested',
    )
    const workload = await one(stand)
    const { dispatchId } = workload.taskInstance
    await stand.until(() => stand.executor.waitingFor?.(dispatchId)?.includes('INSUFFICIENT_INSTANCE_CAPACITY'))
    stage.double.batch.block(QUEUE, 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job wants more than there is')
    await stand.until(() => stand.executor.waitingFor?.(dispatchId) === null)
    stage.double.batch.block(QUEUE, null)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('ends a job whose time is over as timed out', async () => {
    const stand = stage.bench(WAIT, { timeoutSeconds: 60 })
    const workload = await one(stand)
    await stand.until(() => stand.recorded.at(-1)?.kind === 'running')
    stage.double.clock.advance(61_000)
    expect(await stand.endOf(workload)).toEqual({ kind: 'timedOut', timeoutMs: 60_000 })
  })
})
