import { LambdaExecutor } from '@fairlead/executor-aws/lambda'
import { openLaboratory } from 'fairlead/conformance'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAwsDouble, type AwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { ExecutorBench } from '../../testkit/executor-bench.ts'
import { lambdaSettings, setLambdaStage } from './lambda-stage.ts'

type Laboratory = Awaited<ReturnType<typeof openLaboratory>>
let double: AwsDouble
let laboratory: Laboratory
let stand: ExecutorBench
let executor: LambdaExecutor

beforeAll(async () => {
  double = await startAwsDouble()
  setLambdaStage(double)
  Object.assign(process.env, double.environment)
  laboratory = await openLaboratory({ executorClass: LambdaExecutor })
  const settings = { ...lambdaSettings(double), apiUrl: laboratory.apiUrl }
  stand = new ExecutorBench({ executorClass: LambdaExecutor, settings })
  if (!(stand.executor instanceof LambdaExecutor)) throw new Error('The bench holds something else.')
  executor = stand.executor
  await executor.start(AbortSignal.timeout(10_000))
})
afterAll(async () => {
  await executor.detach()
  await laboratory.close()
  await double.close()
})

const SUCCESS = { kind: 'exited', exitCode: 0 }

it('runs a task once that Lambda delivers twice, and hears of one end', async () => {
  const [workload] = await laboratory.mint('hold', 1)
  if (workload === undefined) throw new Error('The laboratory made no workload.')
  double.lambda.duplicateNext()
  stand.handOver(workload)
  await stand.begin()
  // The one that is refused is over long before the other.
  await eventually(() => double.lambda.events.filter(({ attempts }) => attempts === 1).length === 1)
  await stand.sync()
  expect(stand.endsOf(workload)).toEqual([])
  await laboratory.release(workload)
  expect(await stand.endOf(workload)).toEqual(SUCCESS)
  expect((await laboratory.attemptOf(workload)).grants).toBe(1)
  await eventually(() => double.lambda.running().length === 0)
  expect(stand.endsOf(workload)).toEqual([SUCCESS])
})

it('becomes a dead letter where its end cannot be told, and the task has still run once', async () => {
  const [workload] = await laboratory.mint('succeed', 1)
  if (workload === undefined) throw new Error('The laboratory made no workload.')
  const url = double.sqs.urls().find((each) => each.endsWith('/results')) ?? ''
  const fault = double.faults.begin('sqs:SendMessage', {
    kind: 'error',
    code: 'AccessDenied',
    message: 'no',
    status: 403,
  })
  stand.handOver(workload)
  await stand.begin()
  await eventually(async () => (await laboratory.attemptOf(workload)).state === 'success')
  expect(double.sqs.bodiesIn(url)).toEqual([])
  // The handler repeats its message for as long as it has time, and then throws.
  double.clock.advance(900_000)
  const exit = await stand.endOf(workload)
  expect(exit).toMatchObject({ kind: 'timedOut' })
  double.faults.end(fault)
  expect((await laboratory.attemptOf(workload)).grants).toBe(1)
  expect((await laboratory.attemptOf(workload)).state).toBe('success')
})

it('writes no ticket into the log of the function', async () => {
  const [workload] = await laboratory.mint('speak', 1)
  if (workload === undefined) throw new Error('The laboratory made no workload.')
  stand.handOver(workload)
  await stand.begin()
  await eventually(() => JSON.stringify(double.logs.everything()).includes('halfway there'))
  expect(JSON.stringify(double.logs.everything())).not.toContain(workload.token)
})
