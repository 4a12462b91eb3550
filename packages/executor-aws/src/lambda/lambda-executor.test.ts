import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecuteTask } from '@fairlead/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../../../testkit/aws/index.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { ExecutorBench } from '../../../../testkit/executor-bench.ts'
import { taskWorkload } from '../../../../testkit/sample-workloads.ts'
import { LambdaExecutor } from './lambda-executor.ts'

const HANDLER = fileURLToPath(new URL('../../../../testkit/lambda-handlers/scripted.mjs', import.meta.url))
const SUCCESS = { kind: 'exited', exitCode: 0 }
const EVENT_INVOKE = { maximumRetryAttempts: 0, maximumEventAgeSeconds: 60 }

let double: AwsDouble
let resultQueueUrl: string
let deadLetterQueueUrl: string
let folder: string
const stands: ExecutorBench[] = []

beforeEach(async () => {
  double = await startAwsDouble()
  folder = mkdtempSync(join(tmpdir(), 'fl-lambda-'))
  for (const [name, value] of Object.entries(double.environment)) vi.stubEnv(name, value)
  resultQueueUrl = double.sqs.createQueue('results')
  deadLetterQueueUrl = double.sqs.createQueue('dead')
  define('succeed')
})

afterEach(async () => {
  for (const stand of stands.splice(0)) await detach(stand)
  vi.unstubAllEnvs()
  await double.close()
  rmSync(folder, { recursive: true, force: true })
})

type Definition = Parameters<AwsDouble['lambda']['defineFunction']>[0]

/** Deploys a function that does as the script says. */
function define(script: string, more: Partial<Definition> = {}): void {
  double.lambda.defineFunction({
    name: 'tasks',
    handlerPath: HANDLER,
    timeoutMs: 60_000,
    eventInvoke: EVENT_INVOKE,
    env: { SCRIPT: script, RELEASE: join(folder, 'release') },
    ...more,
  })
}

function bench(settings: object = {}, name = 'functions'): ExecutorBench {
  const given = { functionName: 'tasks', resultQueueUrl, deadLetterQueueUrl, longPollSeconds: 1, ...settings }
  const stand = new ExecutorBench({ executorClass: LambdaExecutor, name, settings: given })
  stands.push(stand)
  return stand
}

async function open(settings: object = {}, name = 'functions'): Promise<ExecutorBench> {
  const stand = bench(settings, name)
  await stand.executor.start(AbortSignal.timeout(10_000))
  return stand
}

async function detach(stand: ExecutorBench): Promise<void> {
  if (stand.executor instanceof LambdaExecutor) await stand.executor.detach()
}

/** The process is gone; the next one has started, and was not asked to adopt anything yet. */
async function replaced(stand: ExecutorBench): Promise<void> {
  await detach(stand)
  stand.replace()
  await stand.executor.start(AbortSignal.timeout(10_000))
}

async function one(stand: ExecutorBench, given: Parameters<typeof taskWorkload>[0] = {}): Promise<ExecuteTask> {
  const workload = taskWorkload(given)
  stand.handOver(workload)
  await stand.begin()
  return workload
}

const eventsOf = (workload: ExecuteTask) =>
  double.lambda.events.filter(
    ({ event }) => Reflect.get(Object(event), 'dispatchId') === workload.taskInstance.dispatchId,
  )

const resultOf = (workload: ExecuteTask, executor = 'functions'): string =>
  JSON.stringify({
    type: 'fairlead.lambda.result',
    executor,
    dispatchId: workload.taskInstance.dispatchId,
    requestId: 'r-1',
    exit: SUCCESS,
  })

describe('invoking', () => {
  it('has the function called once, with a reference alone, and takes the request id for its id', async () => {
    const stand = await open()
    const workload = await one(stand)
    expect(eventsOf(workload).map(({ event }) => event)).toEqual([
      {
        apiUrl: 'http://127.0.0.1:1',
        dispatchId: workload.taskInstance.dispatchId,
        ticket: 'ticket',
        executor: 'functions',
        resultQueueUrl,
      },
    ])
    expect(stand.externalIdOf(workload)).toMatch(/^[0-9a-f-]{36}$/)
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stand.executor.slotsOccupied).toBe(0)
    await eventually(async () => (await stand.store.list('')).length === 0)
    await eventually(() => double.sqs.bodiesIn(resultQueueUrl).length === 0)
  })

  it('waits while it is throttled, and loses nothing', async () => {
    double.faults.next('lambda:Invoke', { kind: 'throttle' }, 2)
    const stand = bench({ checkHealth: false })
    await stand.executor.start(AbortSignal.timeout(5000))
    const workload = await one(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toContain('TooManyRequests')
    expect(await stand.store.list('')).toEqual([])
    await eventually(async () => {
      stand.clock.advance(5000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(eventsOf(workload)).toHaveLength(1)
  })

  it('keeps work through an hour of throttling', async () => {
    const stand = bench({ checkHealth: false })
    const fault = double.faults.begin('lambda:*', { kind: 'throttle' })
    const workloads = Array.from({ length: 4 }, () => taskWorkload())
    for (const workload of workloads) stand.handOver(workload)
    for (let second = 0; second < 3600; second += 30) {
      await stand.begin()
      stand.clock.advance(30_000)
    }
    expect(stand.recorded).toEqual([])
    expect(stand.executor.slotsOccupied).toBe(4)
    double.faults.end(fault)
    await stand.executor.start(AbortSignal.timeout(5000))
    await eventually(async () => {
      stand.clock.advance(20_000)
      await stand.begin()
      return workloads.every((workload) => stand.externalIdOf(workload) !== null)
    })
    for (const workload of workloads) expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('keeps work while its credentials have expired, and goes on once they are renewed', async () => {
    const stand = await open()
    const fault = double.faults.begin('lambda:Invoke', { kind: 'expiredCredentials' })
    const workload = await one(stand)
    expect(stand.executor.waitingFor?.(workload.taskInstance.dispatchId)).toMatch(/expired/i)
    double.faults.end(fault)
    await eventually(async () => {
      stand.clock.advance(10_000)
      await stand.begin()
      return stand.externalIdOf(workload) !== null
    })
  })

  it('is repeated when its answer is lost, since a second worker would be refused', async () => {
    define('release')
    const stand = await open()
    double.faults.next('lambda:Invoke', { kind: 'loseAnswer' })
    const workload = await one(stand)
    expect(stand.externalIdOf(workload)).toBeNull()
    stand.clock.advance(1000)
    await stand.begin()
    expect(stand.externalIdOf(workload)).not.toBeNull()
    expect(eventsOf(workload)).toHaveLength(2)
    writeFileSync(join(folder, 'release'), '')
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
  })

  it('refuses a task that the function has no time for, and says how much it has', async () => {
    const stand = await open()
    const workload = await one(stand, { executionTimeoutMs: 60_000 })
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringContaining('function "tasks" is ended after 60000 ms'),
    })
    expect(double.calls.of('lambda:Invoke')).toBe(1) // The dry run of the health check.
  })

  it('says before a Dag is imported that nothing runs for longer than fifteen minutes', () => {
    expect(LambdaExecutor.maxRuntimeMs).toBe(900_000)
  })

  it('refuses an event that is too large before it is sent', async () => {
    const stand = bench({ apiUrl: `https://example.com/${'x'.repeat(300_000)}`, checkHealth: false })
    const workload = await one(stand)
    expect(await stand.endOf(workload)).toEqual({
      kind: 'neverStarted',
      detail: expect.stringMatching(/^The event for the function is 3\d+ bytes, and AWS Lambda takes 262144 at most/),
    })
    expect(double.calls.of('lambda:Invoke')).toBe(0)
  })

  it('takes the function of the queue, and of the task over that', async () => {
    for (const name of ['of-queue', 'of-task'])
      double.lambda.defineFunction({
        name,
        handlerPath: HANDLER,
        eventInvoke: EVENT_INVOKE,
        timeoutMs: 60_000,
        qualifiers: ['live'],
      })
    const stand = await open({ queues: { special: { functionName: 'of-queue', qualifier: 'live' } } })
    const workload = taskWorkload()
    stand.handOver(workload, { queue: 'special' })
    const own = taskWorkload()
    stand.handOver(own, { queue: 'special', executorConfig: { functionName: 'of-task' } })
    await stand.begin()
    expect([workload, own].map((each) => eventsOf(each)[0]?.definition.name)).toEqual(['of-queue', 'of-task'])
    const lost = taskWorkload()
    stand.handOver(lost, { queue: 'spezial' })
    expect(await stand.endOf(lost)).toMatchObject({
      kind: 'neverStarted',
      detail: expect.stringContaining('"spezial"'),
    })
  })
})

describe('hearing of an end', () => {
  it('asks no queue while nothing runs', async () => {
    const stand = await open()
    double.calls.reset()
    await stand.sync()
    expect(double.calls.all()).toEqual({})
  })

  it('reports what the function says of a failure', async () => {
    define('fail')
    const stand = await open()
    expect(await stand.endOf(await one(stand))).toEqual({ kind: 'exited', exitCode: 7 })
  })

  it('empties a queue of many results without waiting between them', async () => {
    define('silent')
    const stand = await open()
    const workloads: ExecuteTask[] = []
    for (let index = 0; index < 25; index += 1) workloads.push(await one(stand))
    double.calls.reset()
    for (const workload of workloads) double.sqs.send(resultQueueUrl, resultOf(workload))
    await stand.until(() => workloads.every((workload) => stand.endsOf(workload).length === 1))
    await eventually(() => double.sqs.bodiesIn(resultQueueUrl).length === 0)
  })

  it.each<[string, string, { readonly dead?: string; readonly onFailure?: string }]>([
    ['the event in a dead-letter queue', 'throw', { dead: 'dead' }],
    ['the envelope of a destination', 'throw', { onFailure: 'dead' }],
    ['the envelope of a process that left', 'exit', { onFailure: 'results' }],
  ])('understands %s', async (_what, script, { dead, onFailure }) => {
    define(script, {
      eventInvoke: { ...EVENT_INVOKE, ...(onFailure === undefined ? {} : { onFailure: double.sqs.arnOf(onFailure) }) },
      ...(dead === undefined ? {} : { deadLetterQueueArn: double.sqs.arnOf(dead) }),
    })
    const stand = await open()
    const exit = await stand.endOf(await one(stand))
    expect(exit).toMatchObject({ kind: 'lost' })
    await eventually(() => double.sqs.bodiesIn(deadLetterQueueUrl).length === 0)
  })

  it('tells a function that ran out of its time as such', async () => {
    define('hang', { timeoutMs: 60_000, eventInvoke: { ...EVENT_INVOKE, onFailure: double.sqs.arnOf('results') } })
    const stand = await open()
    const workload = await one(stand)
    await eventually(() => double.lambda.running().length === 1)
    double.clock.advance(60_000)
    expect(await stand.endOf(workload)).toEqual({ kind: 'timedOut', timeoutMs: 60_000 })
  })

  it('hears a success by a destination alone, without a queue for the function to write to', async () => {
    define('succeed', { eventInvoke: { ...EVENT_INVOKE, onSuccess: double.sqs.arnOf('dead') } })
    const stand = await open({ resultQueueUrl: undefined })
    expect(await stand.endOf(await one(stand))).toEqual(SUCCESS)
  })

  it('counts an end once, however often it is told', async () => {
    const stand = await open()
    const workload = await one(stand)
    await stand.endOf(workload)
    double.sqs.send(resultQueueUrl, resultOf(workload))
    const next = await one(stand)
    await stand.endOf(next)
    await eventually(() => double.sqs.bodiesIn(resultQueueUrl).length === 0)
    expect(stand.endsOf(workload)).toEqual([SUCCESS])
  })

  it('puts aside what is strange or for another executor, without coming back to it at once', async () => {
    define('release')
    const stand = await open()
    const workload = await one(stand)
    double.sqs.send(resultQueueUrl, 'no JSON at all')
    double.sqs.send(resultQueueUrl, resultOf(taskWorkload(), 'neighbour'))
    await eventually(() => double.calls.of('sqs:ChangeMessageVisibility') >= 4) // Two are of the health check.
    double.calls.reset()
    writeFileSync(join(folder, 'release'), '')
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    expect(double.calls.of('sqs:ChangeMessageVisibility')).toBe(0)
    await eventually(() => double.sqs.bodiesIn(resultQueueUrl).length === 2)
    expect(JSON.stringify(stand.logged)).not.toContain('no JSON at all')
  })

  it('deletes what nobody understands once it was seen three times', async () => {
    define('hang')
    const stand = await open()
    await one(stand)
    double.sqs.send(resultQueueUrl, 'no JSON at all')
    await eventually(() => {
      double.clock.advance(900_000)
      return double.sqs.bodiesIn(resultQueueUrl).length === 0
    })
  })

  it('leaves the end of what another scheduler invoked to that one', async () => {
    define('release')
    const owner = await open()
    const workload = await one(owner)
    // A second scheduler, with the same rows, reads the same queue first.
    await detach(owner)
    const other = await open()
    for (const { key, value } of await owner.store.list('')) await other.store.set(key, value)
    define('hang')
    await one(other)
    writeFileSync(join(folder, 'release'), '')
    await eventually(async () => (await other.store.list('result/')).length === 1)
    for (const { key, value } of await other.store.list('result/')) await owner.store.set(key, value)
    expect(await owner.endOf(workload)).toEqual(SUCCESS)
    expect(other.recorded.filter(({ kind }) => kind === 'ended')).toEqual([])
  })

  it('gives up at the deadline, when nothing can run any more, and not before', async () => {
    define('silent')
    const stand = await open({ deadlineSlackMs: 5000 })
    const workload = await one(stand)
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
    define('release')
    const stand = await open()
    const fault = double.faults.begin('sqs:ReceiveMessage', { kind: 'expiredCredentials' })
    const workload = await one(stand)
    await eventually(async () => {
      try {
        await stand.sync()
        return false
      } catch (error) {
        return String(error).includes('cannot be read')
      }
    })
    expect(stand.endsOf(workload)).toEqual([])
    double.faults.end(fault)
    writeFileSync(join(folder, 'release'), '')
    await eventually(async () => {
      stand.clock.advance(30_000)
      await stand.sync().catch(() => undefined)
      return stand.endsOf(workload).length === 1
    })
  })
})

describe('after the death of a scheduler', () => {
  it('waits again for what was invoked, until the same deadline', async () => {
    define('release')
    const stand = await open()
    const workload = await one(stand)
    const stranger = taskWorkload()
    await replaced(stand)
    const missing = await stand.adopt(workload, stranger)
    expect(missing.map(({ dispatchId }) => dispatchId)).toEqual([stranger.taskInstance.dispatchId])
    expect(stand.executor.slotsOccupied).toBe(1)
    writeFileSync(join(folder, 'release'), '')
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('finds the end of what ended while nobody watched', async () => {
    const stand = await open()
    await detach(stand)
    const workload = await one(stand)
    await eventually(() => double.sqs.bodiesIn(resultQueueUrl).length === 1)
    await replaced(stand)
    expect(await stand.adopt(workload)).toEqual([])
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
  })

  it('gives up at the deadline of what was invoked before', async () => {
    define('silent')
    const stand = await open({ deadlineSlackMs: 0 })
    const workload = await one(stand)
    await replaced(stand)
    await stand.adopt(workload)
    stand.clock.advance(120_000)
    await stand.sync()
    expect(stand.endsOf(workload)).toMatchObject([{ kind: 'lost' }])
  })

  it('promises nothing while its queues cannot be read', async () => {
    define('hang')
    const stand = await open()
    const workload = await one(stand)
    await replaced(stand)
    const fault = double.faults.begin('sqs:*', { kind: 'serverError' })
    await expect(stand.adopt(workload)).rejects.toThrow()
    double.faults.end(fault)
    expect(await stand.adopt(workload)).toEqual([])
  })
})

describe('stopping', () => {
  it('says that Lambda stops nothing, goes on waiting, and confirms once the end is heard', async () => {
    define('release')
    const stand = await open()
    const workload = await one(stand)
    await expect(stand.revoke(workload)).rejects.toThrow(/AWS Lambda cannot stop the invocation/)
    expect(stand.executor.slotsOccupied).toBe(1)
    writeFileSync(join(folder, 'release'), '')
    expect(await stand.endOf(workload)).toEqual(SUCCESS)
    await stand.revoke(workload)
  })

  it('is confirmed at the deadline', async () => {
    define('silent')
    const stand = await open({ deadlineSlackMs: 0 })
    const workload = await one(stand)
    await expect(stand.revoke(workload)).rejects.toThrow()
    stand.clock.advance(120_000)
    await stand.revoke(workload)
    expect(stand.executor.slotsOccupied).toBe(0)
    expect(stand.endsOf(workload)).toEqual([])
  })

  it('is done at once for what was not invoked', async () => {
    double.faults.next('lambda:Invoke', { kind: 'throttle' }, 2)
    const stand = bench({ checkHealth: false })
    const workload = await one(stand)
    await stand.revoke(workload)
    expect(stand.executor.slotsOccupied).toBe(0)
    stand.clock.advance(60_000)
    await stand.begin()
    expect(eventsOf(workload)).toEqual([])
  })

  it('in order waits for nothing, and leaves what runs to be adopted', async () => {
    define('hang')
    const stand = await open()
    await one(stand)
    await stand.executor.end(AbortSignal.timeout(2000))
    expect(double.lambda.running()).toHaveLength(1)
  })
})

describe('the health check', () => {
  it('passes where everything is there, and invokes nothing', async () => {
    await open()
    expect(double.lambda.events).toEqual([])
  })

  it('takes a function by its ARN, and by its alias', async () => {
    define('succeed', { qualifiers: ['live'] })
    await open({ functionName: double.lambda.find('tasks', null)?.arn })
    await open({ functionName: 'tasks:live' })
    await open({ qualifier: 'live' })
  })

  it.each<[string, Partial<Definition>, object, string]>([
    ['a function that is not there', {}, { functionName: 'nothing' }, 'The function "nothing" cannot be read'],
    ['a function that failed', { state: 'Failed' }, {}, 'The function "tasks" is Failed'],
    [
      'a function of a queue',
      {},
      { queues: { x: { functionName: 'nothing' } } },
      'The function "nothing" cannot be read',
    ],
    ['retries', { eventInvoke: { maximumRetryAttempts: 1 } }, {}, 'up to 1 more times'],
    ['an age', { eventInvoke: { maximumRetryAttempts: 0 } }, { longestEventAgeSeconds: 600 }, 'may wait for 21600 s'],
  ])('says which is wrong: %s', async (_what, more, settings, message) => {
    define('succeed', more)
    await expect(open(settings)).rejects.toThrow(message)
  })

  it('says that a queue is not there', async () => {
    await expect(open({ resultQueueUrl: `${double.url}/123456789012/none` })).rejects.toThrow(
      'cannot be read (sqs:GetQueueAttributes)',
    )
  })

  it('says by which command Lambda is kept from running a task three times', async () => {
    double.lambda.defineFunction({ name: 'tasks', handlerPath: HANDLER })
    await expect(open()).rejects.toThrow(
      'aws lambda put-function-event-invoke-config --function-name tasks --maximum-retry-attempts 0',
    )
  })

  it('names a permission that is missing', async () => {
    const denied = { kind: 'error', code: 'AccessDeniedException', message: 'not authorized', status: 403 } as const
    double.faults.next('lambda:Invoke', denied)
    await expect(open()).rejects.toThrow('The function "tasks" cannot be invoked: AccessDeniedException')
  })

  it('can be left out', async () => {
    await open({ checkHealth: false, functionName: 'nothing' })
    expect(double.calls.all()).toEqual({})
  })
})
