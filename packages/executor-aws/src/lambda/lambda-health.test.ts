import { describe, expect, it } from 'vitest'
import { HANDLER, LambdaStage } from '../../../../testkit/lambda-stage.ts'

const stage = new LambdaStage()

describe('the health check', () => {
  it('passes where everything is there, and invokes nothing', async () => {
    await stage.open()
    expect(stage.double.lambda.events).toEqual([])
  })

  it('takes a function by its ARN, and by its alias', async () => {
    stage.define('succeed', { qualifiers: ['live'] })
    await stage.open({ functionName: stage.double.lambda.find('tasks', null)?.arn })
    await stage.open({ functionName: 'tasks:live' })
    await stage.open({ qualifier: 'live' })
  })

  it.each<[string, Partial<Parameters<typeof stage.define>[1]>, object, string]>([
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
    stage.define('succeed', more)
    await expect(stage.open(settings)).rejects.toThrow(message)
  })

  it('says that a queue is not there', async () => {
    await expect(stage.open({ resultQueueUrl: `${stage.double.url}/123456789012/none` })).rejects.toThrow(
      'cannot be read (sqs:GetQueueAttributes)',
    )
  })

  it('says by which command Lambda is kept from running a task three times', async () => {
    stage.double.lambda.defineFunction({ name: 'tasks', handlerPath: HANDLER })
    await expect(stage.open()).rejects.toThrow(
      'aws lambda put-function-event-invoke-config --function-name tasks --maximum-retry-attempts 0',
    )
  })

  it('names a permission that is missing', async () => {
    const denied = { kind: 'error', code: 'AccessDeniedException', message: 'not authorized', status: 403 } as const
    stage.double.faults.next('lambda:Invoke', denied)
    await expect(stage.open()).rejects.toThrow('The function "tasks" cannot be invoked: AccessDeniedException')
  })

  it('can be left out', async () => {
    await stage.open({ checkHealth: false, functionName: 'nothing' })
    expect(stage.double.calls.all()).toEqual({})
  })
})
