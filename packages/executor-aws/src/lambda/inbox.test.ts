import type { ExecuteTask } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { detach, EVENT_INVOKE, invoked, LambdaStage, resultOf } from '../../../../testkit/lambda-stage.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'

const SUCCESS = { kind: 'exited', exitCode: 0 }
const stage = new LambdaStage()

describe('hearing of an end', () => {
  it('asks no queue while nothing runs', async () => {
    const stand = await stage.open()
    stage.double.calls.reset()
    await stand.sync()
    expect(stage.double.calls.all()).toEqual({})
  })

  it('reports what the function says of a failure', async () => {
    stage.define('fail')
    const stand = await stage.open()
    expect(await stand.endOf(await invoked(stand))).toEqual({ kind: 'exited', exitCode: 7 })
  })

  it('empties a queue of many results without waiting between them', async () => {
    stage.define('silent')
    const stand = await stage.open()
    const workloads: ExecuteTask[] = []
    for (let index = 0; index < 25; index += 1) workloads.push(await invoked(stand))
    stage.double.calls.reset()
    for (const workload of workloads) stage.double.sqs.send(stage.resultQueueUrl, resultOf(workload))
    await stand.until(() => workloads.every((workload) => stand.endsOf(workload).length === 1))
    await eventually(() => stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 0)
  })

  it.each<[string, string, { readonly dead?: string; readonly onFailure?: string }]>([
    ['the event in a dead-letter queue', 'throw', { dead: 'dead' }],
    ['the envelope of a destination', 'throw', { onFailure: 'dead' }],
    ['the envelope of a process that left', 'exit', { onFailure: 'results' }],
  ])('understands %s', async (_what, script, { dead, onFailure }) => {
    stage.define(script, {
      eventInvoke: {
        ...EVENT_INVOKE,
        ...(onFailure === undefined ? {} : { onFailure: stage.double.sqs.arnOf(onFailure) }),
      },
      ...(dead === undefined ? {} : { deadLetterQueueArn: stage.double.sqs.arnOf(dead) }),
    })
    const stand = await stage.open()
    const exit = await stand.endOf(await invoked(stand))
    expect(exit).toMatchObject({ kind: 'lost' })
    await eventually(() => stage.double.sqs.bodiesIn(stage.deadLetterQueueUrl).length === 0)
  })

  it('tells a function that ran out of its time as such', async () => {
    stage.define('hang', {
      timeoutMs: 60_000,
      eventInvoke: { ...EVENT_INVOKE, onFailure: stage.double.sqs.arnOf('results') },
    })
    const stand = await stage.open()
    const workload = await invoked(stand)
    await eventually(() => stage.double.lambda.running().length === 1)
    stage.double.clock.advance(60_000)
    expect(await stand.endOf(workload)).toEqual({ kind: 'timedOut', timeoutMs: 60_000 })
  })

  it('hears a success by a destination alone, without a queue for the function to write to', async () => {
    stage.define('succeed', { eventInvoke: { ...EVENT_INVOKE, onSuccess: stage.double.sqs.arnOf('dead') } })
    const stand = await stage.open({ resultQueueUrl: undefined })
    expect(await stand.endOf(await invoked(stand))).toEqual(SUCCESS)
  })

  it('counts an end once, however often it is told', async () => {
    const stand = await stage.open()
    const workload = await invoked(stand)
    await stand.endOf(workload)
    stage.double.sqs.send(stage.resultQueueUrl, resultOf(workload))
    const next = await invoked(stand)
    await stand.endOf(next)
    await eventually(() => stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 0)
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
  })

  it('puts aside what is strange or for another executor, without coming back to it at once', async () => {
    stage.define('release')
    const stand = await stage.open()
    const workload = await invoked(stand)
    stage.double.sqs.send(stage.resultQueueUrl, 'no JSON at all')
    stage.double.sqs.send(stage.resultQueueUrl, resultOf(taskWorkload(), 'neighbour'))
    await eventually(() => stage.double.calls.of('sqs:ChangeMessageVisibility') >= 4) // Two are of the health check.
    stage.double.calls.reset()
    stage.release()
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stage.double.calls.of('sqs:ChangeMessageVisibility')).toBe(0)
    await eventually(() => stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 2)
    expect(JSON.stringify(stand.logged)).not.toContain('no JSON at all')
  })

  it('deletes what nobody understands once it was seen three times', async () => {
    stage.define('hang')
    const stand = await stage.open()
    await invoked(stand)
    stage.double.sqs.send(stage.resultQueueUrl, 'no JSON at all')
    await eventually(() => {
      stage.double.clock.advance(900_000)
      return stage.double.sqs.bodiesIn(stage.resultQueueUrl).length === 0
    })
  })

  it('leaves the end of what another scheduler invoked to that one', async () => {
    stage.define('release')
    const owner = await stage.open()
    const workload = await invoked(owner)
    // A second scheduler, with the same rows, reads the same queue first.
    await detach(owner)
    const other = await stage.open()
    for (const { key, value } of await owner.store.list('')) await other.store.set(key, value)
    stage.define('hang')
    await invoked(other)
    stage.release()
    await eventually(async () => (await other.store.list('result/')).length === 1)
    for (const { key, value } of await other.store.list('result/')) await owner.store.set(key, value)
    expect(await owner.endOf(workload)).toEqual(SUCCESS)
    expect(other.recorded.filter(({ kind }) => kind === 'ended')).toEqual([])
  })

  it('gives up at the deadline, when nothing can run any more, and not before', async () => {
    stage.define('silent')
    const stand = await stage.open({ deadlineSlackMs: 5000 })
    const workload = await invoked(stand)
    // Its event may wait for a minute, and run for another.
    stand.clock.advance(124_999)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([])
    stand.clock.advance(1)
    await stand.sync()
    expect(stand.endsOf(workload)).toEqual([
      { kind: 'lost', detail: expect.stringContaining('nothing was heard of its end') },
    ])
    expect(stand.executor.slotsOccupied).toBe(0)
  })

  it('says what is wrong when the queue cannot be read, ends nothing for it, and goes on when it can', async () => {
    stage.define('release')
    const stand = await stage.open()
    const fault = stage.double.faults.begin('sqs:ReceiveMessage', { kind: 'expiredCredentials' })
    const workload = await invoked(stand)
    await eventually(async () => {
      try {
        await stand.sync()
        return false
      } catch (error) {
        return String(error).includes('cannot be read')
      }
    })
    expect(stand.endsOf(workload)).toEqual([])
    stage.double.faults.end(fault)
    stage.release()
    await eventually(async () => {
      stand.clock.advance(30_000)
      await stand.sync().catch(() => undefined)
      return stand.endsOf(workload).length === 1
    })
  })
})
