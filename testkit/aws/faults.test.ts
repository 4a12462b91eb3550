import { ECSClient, ListTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs'
import { BatchClient, DescribeJobsCommand } from '@aws-sdk/client-batch'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { AwsDouble } from './aws-double.ts'
import { CLUSTER, DEFINITION, NETWORK, startStage } from './stage.ts'

let double: AwsDouble
let ecs: ECSClient

beforeEach(async () => {
  double = await startStage()
  ecs = new ECSClient({ ...double.client, maxAttempts: 1 })
})

afterEach(async () => {
  ecs.destroy()
  await double.close()
})

const list = async (): Promise<unknown> => await ecs.send(new ListTasksCommand({ cluster: CLUSTER }))

async function run(clientToken: string): Promise<string> {
  const { tasks } = await ecs.send(
    new RunTaskCommand({
      cluster: CLUSTER,
      taskDefinition: DEFINITION,
      launchType: 'FARGATE',
      networkConfiguration: NETWORK,
      clientToken,
    }),
  )
  return tasks?.[0]?.taskArn ?? ''
}

it('meets the ordered requests of the operation, that many times, and none else', async () => {
  double.faults.next('ecs:ListTasks', { kind: 'throttle' }, 2)
  await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException' })
  expect(await run('1')).toContain(':task/')
  await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException' })
  await list()
  expect(double.calls.all()).toEqual({ 'ecs:ListTasks': 3, 'ecs:RunTask': 1 })
})

it('meets every request of a service until it ends', async () => {
  const id = double.faults.begin('ecs:*', { kind: 'serverError', status: 503 })
  await expect(list()).rejects.toMatchObject({ name: 'ServerException', $metadata: { httpStatusCode: 503 } })
  await expect(run('1')).rejects.toMatchObject({ name: 'ServerException' })
  double.faults.end(id)
  await list()
})

it('throttles in the words of each service', async () => {
  double.faults.begin('*', { kind: 'throttle' })
  const batch = new BatchClient({ ...double.client, maxAttempts: 1 })
  const lambda = new LambdaClient({ ...double.client, maxAttempts: 1 })
  await expect(batch.send(new DescribeJobsCommand({ jobs: [] }))).rejects.toMatchObject({
    name: 'TooManyRequestsException',
  })
  await expect(lambda.send(new InvokeCommand({ FunctionName: 'x' }))).rejects.toMatchObject({
    name: 'TooManyRequestsException',
  })
  batch.destroy()
  lambda.destroy()
})

it('throttles what comes faster than its rate, until time has passed', async () => {
  double.rateLimits.set('ecs:ListTasks', { burst: 2, perSecond: 1 })
  await list()
  await list()
  await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException' })
  double.clock.advance(1_000)
  await list()
  double.rateLimits.set('ecs:ListTasks', null)
  for (let call = 0; call < 5; call += 1) await list()
})

it('carries a request out and loses its answer: the token finds what was started', async () => {
  double.faults.next('ecs:RunTask', { kind: 'loseAnswer' })
  await expect(run('token-1')).rejects.toThrow()
  expect(double.ecs.tasks()).toHaveLength(1)
  expect(await run('token-1')).toBe(double.ecs.tasks()[0]?.facts.arn)
  expect(double.ecs.tasks()).toHaveLength(1)
})

it('cuts the connection before anything is carried out', async () => {
  double.faults.next('ecs:RunTask', { kind: 'cut' })
  await expect(run('token-1')).rejects.toThrow()
  expect(double.ecs.tasks()).toEqual([])
})

it('answers expired and unknown credentials, any other error, and late', async () => {
  double.faults.next('ecs:ListTasks', { kind: 'expiredCredentials' })
  double.faults.next('ecs:ListTasks', { kind: 'unknownCredentials' })
  double.faults.next('ecs:ListTasks', { kind: 'error', code: 'ClientException', message: 'The account is blocked.' })
  double.faults.next('ecs:ListTasks', { kind: 'latency', ms: 30 }, 4)
  await expect(list()).rejects.toMatchObject({ name: 'ExpiredTokenException' })
  await expect(list()).rejects.toMatchObject({ name: 'UnrecognizedClientException' })
  await expect(list()).rejects.toMatchObject({ name: 'ClientException', message: 'The account is blocked.' })
  const startedAt = performance.now()
  await list()
  expect(performance.now() - startedAt).toBeGreaterThan(25)
  expect(double.faults.pending).toBe(0)
})

it('lets the SDK repeat what may be repeated, and counts each request', async () => {
  const patient = new ECSClient({ ...double.client, maxAttempts: 3 })
  double.faults.next('ecs:ListTasks', { kind: 'cut' }, 2)
  await patient.send(new ListTasksCommand({ cluster: CLUSTER }))
  patient.destroy()
  expect(double.calls.of('ecs:ListTasks')).toBe(3)
})

it('names what is no operation', () => {
  expect(() => double.faults.next('RunTask', { kind: 'throttle' })).toThrow('Say for example ecs:RunTask, ecs:* or *.')
})

it('obeys another process over HTTP', async () => {
  const call = async (name: string, ...args: readonly unknown[]): Promise<unknown> => {
    const body = JSON.stringify({ call: name, args })
    return await (await fetch(`${double.url}/_double`, { method: 'POST', body })).json()
  }
  double.ecs.hold('PENDING')
  await run('1')
  expect(await call('ecs.running')).toEqual({ result: double.ecs.running() })
  await call('faults.next', 'ecs:ListTasks', { kind: 'throttle' })
  await expect(list()).rejects.toMatchObject({ name: 'ThrottlingException' })
  expect(await call('nonsense')).toMatchObject({ error: expect.stringContaining('No "nonsense" here.') as string })
})

it('says of an operation that it does not know that it does not know it', async () => {
  const headers = { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.CreateService' }
  const answer = await fetch(double.url, { method: 'POST', headers, body: '{}' })
  expect(await answer.json()).toMatchObject({ __type: 'UnknownOperationException' })
})
