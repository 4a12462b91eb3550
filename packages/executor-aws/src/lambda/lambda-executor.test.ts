import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { detach, replaced, invoked, LambdaStage } from '../../../../testkit/lambda-stage.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const stage = new LambdaStage()

describe('after the death of a scheduler', () => {
  it('waits again for what was invoked, until the same deadline', async () => {
    stage.define('release')
    const stand = await stage.open()
    const workload = await invoked(stand)
    const stranger = taskWorkload()
    await replaced(stand)
    const missing = await stand.adopt(workload, stranger)
    expect(missing.map(({ dispatchId }) => dispatchId)).toEqual([stranger.taskInstance.dispatchId])
    expect(stand.executor.slotsOccupied).toBe(1)
    stage.release()
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('finds the end of what ended while nobody watched', async () => {
    const stand = await stage.open()
    await detach(stand)
    const workload = await invoked(stand)
    await eventually(() => stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 1)
    await replaced(stand)
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('gives up at the deadline of what was invoked before', async () => {
    stage.define('silent')
    const stand = await stage.open({ deadlineSlackMs: 0 })
    const workload = await invoked(stand)
    await replaced(stand)
    await stand.adopt(workload)
    stand.clock.advance(120_000)
    await stand.sync()
    expect(stand.endsOf(workload)).toMatchObject([{ kind: 'lost' }])
  })

  it('promises nothing while its queues cannot be read', async () => {
    stage.define('hang')
    const stand = await stage.open()
    const workload = await invoked(stand)
    await replaced(stand)
    const fault = stage.double.faults.begin('sqs:*', { kind: 'serverError' })
    await expect(stand.adopt(workload)).rejects.toThrow()
    stage.double.faults.end(fault)
    expect(await stand.adopt(workload)).toEqual([])
  })
})

describe('stopping', () => {
  it('says that Lambda stops nothing, goes on waiting, and confirms once the end is heard', async () => {
    stage.define('release')
    const stand = await stage.open()
    const workload = await invoked(stand)
    await expect(stand.revoke(workload)).rejects.toThrow(/AWS Lambda cannot stop the invocation/)
    expect(stand.executor.slotsOccupied).toBe(1)
    stage.release()
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    await stand.revoke(workload)
  })

  it('is confirmed at the deadline', async () => {
    stage.define('silent')
    const stand = await stage.open({ deadlineSlackMs: 0 })
    const workload = await invoked(stand)
    await expect(stand.revoke(workload)).rejects.toThrow()
    stand.clock.advance(120_000)
    await stand.revoke(workload)
    expect(stand.executor.slotsOccupied).toBe(0)
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('is done at once for what was not invoked', async () => {
    stage.double.faults.next('lambda:Invoke', { kind: 'throttle' }, 2)
    const stand = stage.bench({ checkHealth: false })
    const workload = await invoked(stand)
    await stand.revoke(workload)
    expect(stand.executor.slotsOccupied).toBe(0)
    stand.clock.advance(60_000)
    await stand.begin()
    expect(stage.eventsOf(workload)).toEqual([])
  })

  it('in order waits for nothing, and leaves what runs to be adopted', async () => {
    stage.define('hang')
    const stand = await stage.open()
    await invoked(stand)
    await stand.executor.end(AbortSignal.timeout(2000))
    expect(stage.double.lambda.running()).toHaveLength(1)
  })
})
