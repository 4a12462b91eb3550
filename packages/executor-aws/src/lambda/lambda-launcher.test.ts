import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { HANDLER, EVENT_INVOKE, invoked, LambdaStage } from '../../../../testkit/lambda-stage.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { LambdaExecutor } from './lambda-executor.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const stage = new LambdaStage()

describe('invoking', () => {
  it('has the function called once, with a reference alone, and takes the request id for its id', async () => {
    const stand = await stage.open()
    const workload = await invoked(stand)
    expect(stage.eventsOf(workload).map(({ event }) => event)).toEqual([
      {
        apiUrl: 'http://127.0.0.1:1',
        dispatchId: workload.taskInstance.dispatchId,
        ticket: 'ticket',
        executor: 'functions',
        resultQueueUrl: stage.resultQueueUrl,
      },
    ])
    expect(stand.externalIdOf(workload)).toMatch(/^[0-9a-f-]{36}$/)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stand.executor.slotsOccupied).toBe(0)
    await eventually(async () => (await stand.store.list('')).length === 0)
    await eventually(() => stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 0)
  })

  it('waits while it is throttled, and loses nothing', async () => {
    stage.double.faults.next('lambda:Invoke', { kind: 'throttle' }, 2)
    const stand = stage.bench({ checkHealth: false })
    await stand.executor.start(AbortSignal.timeout(5000))
    const workload = await invoked(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('TooManyRequests')
    expect(await stand.store.list('')).toEqual([])
    await eventually(async () => {
      stand.clock.advance(5000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stage.eventsOf(workload)).toHaveLength(1)
  })

  it('keeps work through an hour of throttling', async () => {
    const stand = stage.bench({ checkHealth: false })
    const fault = stage.double.faults.begin('lambda:*', { kind: 'throttle' })
    const workloads = Array.from({ length: 4 }, () => taskWorkload())
    for (const workload of workloads) stand.handOver(workload)
    for (let second = 0; second < 3600; second += 30) {
      await stand.begin()
      stand.clock.advance(30_000)
    }
    expect(stand.recorded).toEqual([])
    expect(stand.executor.slotsOccupied).toBe(4)
    stage.double.faults.end(fault)
    await stand.executor.start(AbortSignal.timeout(5000))
    await eventually(async () => {
      stand.clock.advance(20_000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    for (const workload of workloads) expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('keeps work while its credentials have expired, and goes on once they are renewed', async () => {
    const stand = await stage.open()
    const fault = stage.double.faults.begin('lambda:Invoke', { kind: 'expiredCredentials' })
    const workload = await invoked(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toMatch(/expired/i)
    stage.double.faults.end(fault)
    await eventually(async () => {
      stand.clock.advance(10_000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
  })

  it('is repeated when its answer is lost, since a second worker would be refused', async () => {
    stage.define('release')
    const stand = await stage.open()
    stage.double.faults.next('lambda:Invoke', { kind: 'loseAnswer' })
    const workload = await invoked(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.clock.advance(1000)
    await stand.begin()
    expect(stand.externalIdOf(workload)).not.toBeNull()
    expect(stage.eventsOf(workload)).toHaveLength(2)
    stage.release()
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
  })

  it('refuses a task that the function has no time for, and says how much it has', async () => {
    const stand = await stage.open()
    const workload = await invoked(stand, { executionTimeoutMs: 60_000 })
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('function "tasks" is ended after 60000 ms'),
      isPermanent: true,
    })
    expect(stage.double.calls.of('lambda:Invoke')).toBe(1) // The dry run of the health check.
  })

  it('says before a Dag is imported that nothing runs for longer than fifteen minutes', () => {
    expect(LambdaExecutor.maxRuntimeMs).toBe(900_000)
  })

  it('refuses an event that is too large before it is sent', async () => {
    const stand = stage.bench({ apiUrl: `https://example.com/${'x'.repeat(300_000)}`, checkHealth: false })
    const workload = await invoked(stand)
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringMatching(/^The event for the function is 3\d+ bytes, and AWS Lambda takes 262144 at most/),
    })
    expect(stage.double.calls.of('lambda:Invoke')).toBe(0)
  })

  it('takes the function of the queue, and of the task over that', async () => {
    for (const name of ['of-queue', 'of-task'])
      stage.double.lambda.defineFunction({
        name,
        handlerPath: HANDLER,
        eventInvoke: EVENT_INVOKE,
        timeoutMs: 60_000,
        qualifiers: ['live'],
      })
    const stand = await stage.open({ queues: { special: { functionName: 'of-queue', qualifier: 'live' } } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'special' })
    const own = taskWorkload()
    stand.handOver(own, { queue: 'special', executorConfig: { functionName: 'of-task' } })
    await stand.begin()
    expect([workload, own].map((each) => stage.eventsOf(each)[0]?.definition.name)).toEqual(['of-queue', 'of-task'])
    const lost = taskWorkload()
    stand.handOver(lost, { queue: 'spezial' })
    expect(await stand.endOf(lost)).toMatchObject({
      kind: 'neverStarted',
      detail: expect.stringContaining('"spezial"'),
    })
  })
})
