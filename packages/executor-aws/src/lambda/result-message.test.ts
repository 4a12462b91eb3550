import { describe, expect, it } from 'vitest'
import { exitOfDeath, tidingsOf } from './result-message.ts'

const DISPATCH = '0193a5a0-0000-7000-8000-000000000001'
const EVENT = { apiUrl: 'https://api.example', dispatchId: DISPATCH, ticket: 'secret', executor: 'functions' }
const RESULT = {
  type: 'fairlead.lambda.result',
  executor: 'functions',
  dispatchId: DISPATCH,
  requestId: 'r-1',
  exit: { kind: 'exited', exitCode: 0 },
}
const read = (content: unknown, attributes: Record<string, string> = {}) =>
  tidingsOf({ body: typeof content === 'string' ? content : JSON.stringify(content), attributes })
const ended = (exit: unknown) => ({ kind: 'ended', executor: 'functions', dispatchId: DISPATCH, exit })
const envelope = (requestContext: object, responsePayload: unknown) => ({
  version: '1.0',
  timestamp: '2026-01-01T00:00:00Z',
  requestContext: { requestId: 'r-1', functionArn: 'arn:aws:lambda:eu-west-1:1:function:f', ...requestContext },
  requestPayload: EVENT,
  responseContext: { statusCode: 200, executedVersion: '$LATEST' },
  responsePayload,
})

describe('a message in the queue', () => {
  it('is what the handler sent', () => {
    expect(read(RESULT)).toEqual(ended({ kind: 'exited', exitCode: 0 }))
  })

  it('is the event itself in a dead-letter queue, with the error beside it', () => {
    const attributes = { RequestID: 'r-1', ErrorCode: '200', ErrorMessage: 'Process exited before completing request' }
    expect(read(EVENT, attributes)).toEqual(ended({ kind: 'lost', detail: 'Process exited before completing request' }))
  })

  it('is an envelope from a destination for failures', () => {
    const context = { condition: 'RetriesExhausted', approximateInvokeCount: 1 }
    const payload = {
      errorType: 'Sandbox.Timedout',
      errorMessage: 'RequestId: r-1 Error: Task timed out after 3.00 seconds',
    }
    expect(read(envelope(context, payload))).toEqual(ended({ kind: 'timedOut', timeoutMs: 3000 }))
  })

  it('is an envelope of an event that was never taken out of the queue', () => {
    const context = { condition: 'EventAgeExceeded', approximateInvokeCount: 0 }
    expect(read(envelope(context, null))).toMatchObject({ exit: { kind: 'neverStarted' } })
  })

  it('is an envelope from a destination for successes, around what the handler returned', () => {
    const context = { condition: 'Success', approximateInvokeCount: 1 }
    expect(read(envelope(context, RESULT))).toEqual(ended({ kind: 'exited', exitCode: 0 }))
    expect(read(envelope(context, null))).toEqual({ kind: 'strange' })
  })

  it.each([
    ['no JSON'],
    ['null'],
    [{}],
    [{ return_code: 0 }],
    [{ ...RESULT, dispatchId: 'mine' }],
    [{ ...RESULT, exit: 'fine' }],
  ])('is strange when it is %j', (content) => {
    expect(read(content)).toEqual({ kind: 'strange' })
  })
})

describe('an invocation that returned nothing', () => {
  it.each([
    [
      'RequestId: r Error: Runtime exited with error: signal: killed',
      'Runtime.ExitError',
      { signal: 'SIGKILL', cause: 'killed_externally' },
    ],
    ['RequestId: r Error: Runtime exited', 'Runtime.OutOfMemory', { signal: 'SIGKILL', cause: 'out_of_memory_killed' }],
    ['2026 r Task timed out after 900.10 seconds', null, { kind: 'timedOut', timeoutMs: 900_100 }],
    ['Error: Cannot find module', 'Runtime.ImportModuleError', { kind: 'neverStarted' }],
    ['RequestId: r Error: Runtime exited with error: exit status 1', 'Runtime.ExitError', { kind: 'lost' }],
  ])('%s (%s)', (message, type, exit) => {
    expect(exitOfDeath({ message, type, wasInvoked: true })).toMatchObject(exit)
  })

  it('was never invoked', () => {
    expect(exitOfDeath({ message: 'ReservedConcurrency', type: null, wasInvoked: false })).toMatchObject({
      kind: 'neverStarted',
    })
  })
})
