import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  GetFunctionEventInvokeConfigCommand,
  InvokeCommand,
  LambdaClient,
  type InvokeCommandInput,
} from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../eventually.ts'
import type { AwsDouble } from '../aws-double.ts'
import { startCheckedDouble } from '../model/checked-double.ts'
import type { FunctionSpec } from './stage.ts'

const handlerPath = fileURLToPath(new URL('./handlers.test-fixture.mjs', import.meta.url))
const MINUTE_MS = 60_000

let double: AwsDouble
let lambda: LambdaClient

beforeEach(async () => {
  double = await startCheckedDouble()
  lambda = new LambdaClient({ ...double.client, maxAttempts: 1 })
  define()
})

afterEach(async () => {
  lambda.destroy()
  await double.close()
})

function define(more: Partial<FunctionSpec> = {}): string {
  return double.lambda.defineFunction({ name: 'worker', handlerPath, env: { COLOUR: 'blue' }, ...more })
}

async function invoke(
  event: object,
  more: Partial<InvokeCommandInput> = {},
): Promise<{ status: number; error: string | undefined; answer: unknown }> {
  const input = { FunctionName: 'worker', Payload: JSON.stringify(event), ...more }
  const { StatusCode = 0, FunctionError, Payload } = await lambda.send(new InvokeCommand(input))
  const text = Payload?.transformToString() ?? ''
  return { status: StatusCode, error: FunctionError, answer: text === '' ? null : JSON.parse(text) }
}

async function emit(event: object): Promise<void> {
  expect(await invoke(event, { InvocationType: 'Event' })).toEqual({ status: 202, error: undefined, answer: null })
}

async function attempts(count: number): Promise<void> {
  await eventually(() => double.lambda.events[0]?.attempts === count)
}

/** What the first event runs in; its process has begun to serve it. */
async function running(): Promise<{ id: string; pid: number }> {
  const found = await eventually(() => double.lambda.running()[0])
  return { id: found.id, pid: found.pid ?? 0 }
}

describe('a function', () => {
  it('is a process that is kept warm, with the variables of Lambda and its own', async () => {
    expect(await invoke({ do: 'echo', value: 1 })).toEqual({
      status: 200,
      error: undefined,
      answer: { value: 1, calls: 1, remains: true },
    })
    expect((await invoke({ do: 'echo', value: 2 })).answer).toMatchObject({ calls: 2 })
    await double.lambda.coolDown()
    expect((await invoke({ do: 'echo', value: 3 })).answer).toMatchObject({ calls: 1 })
    expect((await invoke({ do: 'environment' })).answer).toMatchObject({
      COLOUR: 'blue',
      AWS_LAMBDA_FUNCTION_NAME: 'worker',
      AWS_REGION: 'eu-central-1',
      AWS_ENDPOINT_URL: double.url,
    })
    expect(double.logs.everything()).toContain('serving 1\n')
  })

  it('tells errors, crashes and timeouts apart', async () => {
    expect(await invoke({ do: 'fail' })).toMatchObject({
      status: 200,
      error: 'Unhandled',
      answer: { errorType: 'TypeError', errorMessage: 'the handler failed' },
    })
    expect((await invoke({ do: 'exit' })).answer).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('exit status 3') as string,
    })
    const hanging = invoke({ do: 'hang' })
    await running()
    double.clock.advance(3_000)
    expect((await hanging).answer).toMatchObject({
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringContaining('Task timed out after 3.00 seconds') as string,
    })
    expect((await invoke({ do: 'echo', value: 4 })).answer).toMatchObject({ calls: 1 })
  })

  it('stands still between events: what a handler leaves behind goes on with the next one, if at all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-left-'))
    const file = join(folder, 'mark')
    await invoke({ do: 'leave', file })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(existsSync(file)).toBe(false)
    await invoke({ do: 'echo', value: 1 })
    rmSync(folder, { recursive: true })
  })

  it('is found by name, alias and ARN, and else is not found', async () => {
    const arn = define({ qualifiers: ['live'] })
    for (const FunctionName of ['worker', 'worker:live', arn, `${arn}:live`, '123456789012:function:worker'])
      expect((await invoke({}, { FunctionName })).status).toBe(200)
    expect((await invoke({}, { Qualifier: 'live' })).status).toBe(200)
    await expect(invoke({}, { Qualifier: 'dead' })).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    await expect(invoke({}, { FunctionName: 'nothing' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: arn:aws:lambda:eu-central-1:123456789012:function:nothing',
    })
  })

  it('refuses what is too large, what is no JSON, and what is too much at once', async () => {
    await expect(invoke({ x: 'x'.repeat(1_048_576) }, { InvocationType: 'Event' })).rejects.toMatchObject({
      name: 'RequestTooLargeException',
    })
    await expect(invoke({}, { Payload: '{' })).rejects.toMatchObject({ name: 'InvalidRequestContentException' })
    define({ reservedConcurrency: 1 })
    const first = invoke({ do: 'hang' })
    const { id } = await running()
    await expect(invoke({ do: 'echo' })).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    })
    double.lambda.kill(id)
    expect((await first).answer).toMatchObject({ errorType: 'Runtime.ExitError' })
  })

  it('does nothing in a dry run', async () => {
    expect((await invoke({ do: 'exit' }, { InvocationType: 'DryRun' })).status).toBe(204)
    expect(double.lambda.running()).toEqual([])
  })
})

describe('an asynchronous event', () => {
  it('is retried twice, after one minute and after two, where nothing else is set', async () => {
    await emit({ do: 'fail' })
    await attempts(1)
    double.clock.advance(MINUTE_MS)
    await attempts(2)
    double.clock.advance(MINUTE_MS)
    expect(double.lambda.events[0]?.attempts).toBe(2)
    double.clock.advance(MINUTE_MS)
    await attempts(3)
  })

  it('tells the failure destination an envelope and the dead-letter queue the bare event', async () => {
    const [failures, dead] = [double.sqs.createQueue('failures'), double.sqs.createQueue('dead')]
    define({
      deadLetterQueueArn: double.sqs.arnOf('dead'),
      eventInvoke: { maximumRetryAttempts: 0, onFailure: double.sqs.arnOf('failures') },
    })
    await emit({ do: 'fail', id: 7 })
    const [envelope = ''] = await eventually(
      () => double.sqs.bodiesIn(failures).length > 0 && double.sqs.bodiesIn(failures),
    )
    expect(JSON.parse(envelope)).toMatchObject({
      version: '1.0',
      requestContext: {
        condition: 'RetriesExhausted',
        approximateInvokeCount: 1,
        functionArn: 'arn:aws:lambda:eu-central-1:123456789012:function:worker:$LATEST',
      },
      requestPayload: { do: 'fail', id: 7 },
      responseContext: { statusCode: 200, functionError: 'Unhandled' },
      responsePayload: { errorType: 'TypeError' },
    })
    const [letter] = double.sqs.queue(dead).messages
    expect(JSON.parse(letter?.body ?? '')).toEqual({ do: 'fail', id: 7 })
    expect(letter?.attributes).toMatchObject({
      RequestID: { DataType: 'String' },
      ErrorCode: { DataType: 'Number', StringValue: '200' },
      ErrorMessage: { StringValue: 'the handler failed' },
    })
  })

  it('is told of to no queue that the role of the function may not send to', async () => {
    const dead = double.sqs.createQueue('dead')
    const deadLetterQueueArn = double.sqs.arnOf('dead')
    define({ deadLetterQueueArn, policy: { Statement: [] }, eventInvoke: { maximumRetryAttempts: 0 } })
    await emit({ do: 'fail' })
    await eventually(() => double.iam.denied.length === 1)
    expect(double.iam.denied).toEqual([{ action: 'sqs:SendMessage', resource: deadLetterQueueArn }])
    expect(double.sqs.bodiesIn(dead)).toEqual([])
  })

  it('waits while the function is at its limit, until it is too old', async () => {
    const failures = double.sqs.createQueue('failures')
    define({
      reservedConcurrency: 0,
      eventInvoke: { maximumEventAgeSeconds: 60, onFailure: double.sqs.arnOf('failures') },
    })
    await emit({ do: 'echo' })
    double.clock.advance(2 * MINUTE_MS)
    const [envelope = ''] = await eventually(
      () => double.sqs.bodiesIn(failures).length > 0 && double.sqs.bodiesIn(failures),
    )
    expect(JSON.parse(envelope)).toMatchObject({ requestContext: { condition: 'EventAgeExceeded' } })
  })

  it('is delivered twice where a test says so, and never told of where it vanished', async () => {
    double.lambda.duplicateNext()
    await emit({ do: 'echo', value: 1 })
    await eventually(() => double.lambda.events.filter(({ attempts: made }) => made === 1).length === 2)
    const dead = double.sqs.createQueue('dead')
    define({ deadLetterQueueArn: double.sqs.arnOf('dead'), eventInvoke: { maximumRetryAttempts: 0 } })
    await emit({ do: 'hang' })
    const { id, pid } = await running()
    double.lambda.vanish(id)
    await eventually(() => !isAlive(pid))
    expect(double.sqs.bodiesIn(dead)).toEqual([])
  })
})

describe('what a health check asks', () => {
  it('answers the configuration of a function, and of its asynchronous events where it has one', async () => {
    define({ timeoutMs: 900_000, memoryMb: 512 })
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: 'worker' }))
    expect(Configuration).toMatchObject({ FunctionName: 'worker', Timeout: 900, State: 'Active' })
    const own = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: 'worker' }))
    expect(own).toMatchObject({ MemorySize: 512, Environment: { Variables: { COLOUR: 'blue' } } })
    const config = async () => await lambda.send(new GetFunctionEventInvokeConfigCommand({ FunctionName: 'worker' }))
    await expect(config()).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
    define({ eventInvoke: { maximumRetryAttempts: 0, maximumEventAgeSeconds: 120 } })
    expect(await config()).toMatchObject({ MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 120 })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
