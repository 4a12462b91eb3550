import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import { describe, expect, it, vi } from 'vitest'
import type { PolicyDocument } from '../../testkit/aws/iam/policy.ts'
import { eventually } from '../../testkit/eventually.ts'
import type { ExecutorBench } from '../../testkit/executor-bench.ts'
import { EVENT_INVOKE, invoked, LambdaStage } from '../../testkit/lambda-stage.ts'
import { docBlocks } from '../docs/doc-blocks.ts'

const stage = new LambdaStage()
const SIGNAL = new AbortController().signal
const SUCCESS = { kind: 'exited', exitCode: 0 }

describe('the policies of the guide', () => {
  const policyOf = (mark: string): PolicyDocument => {
    const [block] = docBlocks(process.cwd(), 'docs/guide/executor-lambda.md').filter((each) => each.mark === mark)
    const text = (block?.text ?? '')
      .replaceAll('REGION', stage.double.region)
      .replaceAll('ACCOUNT', '123456789012')
      .replaceAll('NAME', 'tasks')
      .replaceAll('RESULTS', 'results')
      .replaceAll('DEAD', 'dead')
    return JSON.parse(text) as PolicyDocument
  }

  it('allow everything that executor and function do, and nothing that they do not', async () => {
    const { double } = stage
    stage.define('succeed', {
      policy: policyOf('function-policy'),
      eventInvoke: { ...EVENT_INVOKE, onFailure: double.sqs.arnOf('dead') },
    })
    const credentials = double.iam.createUser({ name: 'scheduler', policy: policyOf('policy') })
    vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
    const stand = await stage.open()
    expect(await stand.endOf(await invoked(stand))).toEqual(SUCCESS)
    await eventually(() => double.sqs.bodiesIn(stage.resultQueueUrl).length === 0)
    expect(double.iam.denied).toEqual([])
    expect(double.iam.unusedBy(credentials.accessKeyId)).toEqual([])
  })
})

describe('commands and views', () => {
  const [group] = LambdaExecutor.getCliCommands()
  const run = async (stand: ExecutorBench, name: string) => {
    const texts: string[] = []
    const say = (text: string): void => void texts.push(text)
    const command = group?.commands.find((each) => each.name === name)
    const call = { executor: stand.executor, arguments: [], options: {}, out: say, err: say, signal: SIGNAL }
    return { exitCode: await command?.run(call), text: texts.join('') }
  }

  it('check says what is well, what could be better, and what is wrong', async () => {
    expect(await run(stage.bench({ resultQueueUrl: undefined }), 'check')).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining('note    No "resultQueueUrl" is set'),
    })
    stage.define('succeed', { eventInvoke: {} })
    expect(await run(stage.bench(), 'check')).toMatchObject({
      exitCode: 1,
      text: expect.stringContaining('PROBLEM AWS Lambda would run failed events'),
    })
  })

  it('list-invocations lists what is waited for, and until when', async () => {
    stage.define('hang')
    const stand = await stage.open()
    expect((await run(stand, 'list-invocations')).text).toBe('There are none.\n')
    const workload = await invoked(stand)
    expect((await run(stand, 'list-invocations')).text).toContain(`${workload.taskInstance.dispatchId}  tasks  invoked`)
  })

  it('the view of a task shows its request and where its log is, and no secret', async () => {
    const stand = await stage.open()
    const workload = await invoked(stand, { token: 'the-launch-ticket' })
    const [view] = LambdaExecutor.getUiViews()
    if (view?.kind !== 'taskInstance') throw new Error('There is no view of a task instance.')
    const taskInstance = { ...workload.taskInstance, externalId: stand.externalIdOf(workload) }
    const data = await view.data({ executor: stand.executor, taskInstance, signal: SIGNAL })
    expect(data).toMatchObject({
      requestId: taskInstance.externalId,
      function: 'tasks',
      logGroup: '/aws/lambda/tasks',
      link: expect.stringContaining('/lambda/home?region='),
    })
    await stand.endOf(workload)
    const later = await view.data({ executor: stand.executor, taskInstance, signal: SIGNAL })
    expect(later).toMatchObject({ requestId: taskInstance.externalId, function: 'tasks' })
    expect(JSON.stringify([data, later])).not.toContain('the-launch-ticket')
  })
})
