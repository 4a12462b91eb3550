import {
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from '@aws-sdk/client-ecs'
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../eventually.ts'
import type { AwsDouble } from '../aws-double.ts'
import { CLUSTER, CONTAINER, DEFINITION, LOG_GROUP, NETWORK, startStage } from '../stage.ts'

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

function shell(script: string, more: Partial<RunTaskCommandInput> = {}): RunTaskCommandInput {
  return {
    cluster: CLUSTER,
    taskDefinition: DEFINITION,
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    overrides: { containerOverrides: [{ name: CONTAINER, command: [script] }] },
    ...more,
  }
}

async function run(script: string, more: Partial<RunTaskCommandInput> = {}): Promise<string> {
  const { tasks = [], failures } = await ecs.send(new RunTaskCommand(shell(script, more)))
  expect(failures).toEqual([])
  return tasks[0]?.taskArn ?? ''
}

async function taskOf(arn: string): Promise<Task | null> {
  const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn], include: ['TAGS'] }))
  return tasks[0] ?? null
}

async function until(arn: string, status: string): Promise<Task> {
  return await eventually(async () => {
    const task = await taskOf(arn)
    return task?.lastStatus === status ? task : null
  })
}

describe('the life of a task', () => {
  it('passes every status of the documented life cycle, in order', async () => {
    const seen: string[] = []
    const queueUrl = double.sqs.createQueue('changes')
    double.events.sendTo(queueUrl)
    await until(await run('exit 0'), 'STOPPED')
    for (const body of double.sqs.bodiesIn(queueUrl)) {
      const { detail } = JSON.parse(body) as { detail: { lastStatus: string } }
      if (seen.at(-1) !== detail.lastStatus) seen.push(detail.lastStatus)
    }
    expect(seen).toEqual([
      'PROVISIONING',
      'PENDING',
      'ACTIVATING',
      'RUNNING',
      'DEACTIVATING',
      'STOPPING',
      'DEPROVISIONING',
      'STOPPED',
    ])
  })

  it('runs the command as a process, and tells its exit code, its output and its times', async () => {
    const arn = await run('echo "hello $NAME"; exit 7', {
      startedBy: 'fairlead/1',
      tags: [{ key: 'team', value: 'data' }],
      overrides: {
        containerOverrides: [
          { name: CONTAINER, command: ['echo "hello $NAME"; exit 7'], environment: [{ name: 'NAME', value: 'you' }] },
        ],
      },
    })
    const task = await until(arn, 'STOPPED')
    expect(task).toMatchObject({
      desiredStatus: 'STOPPED',
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      startedBy: 'fairlead/1',
      launchType: 'FARGATE',
      tags: [{ key: 'team', value: 'data' }],
      containers: [{ name: CONTAINER, lastStatus: 'STOPPED', exitCode: 7 }],
    })
    expect(task.startedAt).toBeInstanceOf(Date)
    expect(Number(task.stoppedAt)).toBeGreaterThanOrEqual(Number(task.startedAt))
    expect(double.logs.textOf(LOG_GROUP, `ecs/${CONTAINER}/${arn.split('/').at(-1)}`)).toBe('hello you\n')
  })

  it('gives a container the environment it was given, and none of the machine', async () => {
    process.env['SECRET_OF_THE_MACHINE'] = 'x'
    const arn = await run('env')
    await until(arn, 'STOPPED')
    delete process.env['SECRET_OF_THE_MACHINE']
    expect(double.logs.everything()).toContain('AWS_REGION=eu-central-1')
    expect(double.logs.everything()).not.toContain('SECRET_OF_THE_MACHINE')
  })

  it('has no start and no exit code when the image cannot be pulled', async () => {
    double.ecs.defineTaskDefinition({ family: 'broken', containers: [{ name: CONTAINER, image: 'nobody/knows:1' }] })
    const task = await until(await run('exit 0', { taskDefinition: 'broken' }), 'STOPPED')
    expect(task).toMatchObject({ stopCode: 'TaskFailedToStart' })
    expect(task.stoppedReason).toContain('CannotPullContainerError')
    expect(task.startedAt).toBeUndefined()
    expect(task.containers?.[0]?.exitCode).toBeUndefined()
  })

  it('fails to start when its program is not there', async () => {
    double.images.define('hollow', { kind: 'program', entryPoint: ['/no/such/program'] })
    double.ecs.defineTaskDefinition({ family: 'hollow', containers: [{ name: CONTAINER, image: 'hollow' }] })
    const task = await until(await run('x', { taskDefinition: 'hollow' }), 'STOPPED')
    expect(task.stopCode).toBe('TaskFailedToStart')
    expect(task.containers?.[0]?.reason).toContain('CannotStartContainerError')
    expect(task.startedAt).toBeUndefined()
  })

  it('fails to start for the reason that a test orders, once', async () => {
    double.ecs.failStarts('ResourceInitializationError: unable to pull secrets')
    const failed = await until(await run('exit 0'), 'STOPPED')
    expect(failed).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'ResourceInitializationError: unable to pull secrets',
    })
    expect((await until(await run('exit 0'), 'STOPPED')).stopCode).toBe('EssentialContainerExited')
  })

  it('shows what a killed process, a lack of memory, lost host and reclaimed spot capacity look like', async () => {
    const [killed, memory, host, spot] = await Promise.all([
      run('sleep 60'),
      run('sleep 60'),
      run('sleep 60'),
      run('sleep 60'),
    ])
    for (const arn of [killed, memory, host, spot]) await until(arn, 'RUNNING')
    double.ecs.kill(killed)
    double.ecs.killForMemory(memory)
    double.ecs.loseHost(host)
    double.ecs.interruptSpot(spot)
    expect(await until(killed, 'STOPPED')).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 137 }],
    })
    expect((await until(memory, 'STOPPED')).containers?.[0]).toMatchObject({
      exitCode: 137,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    })
    const lost = await until(host, 'STOPPED')
    expect(lost.stoppedReason).toMatch(/^Host EC2 \(instance i-[0-9a-f]+\) terminated\.$/)
    expect(lost.containers?.[0]?.exitCode).toBeUndefined()
    expect(await until(spot, 'STOPPED')).toMatchObject({
      stopCode: 'SpotInterruption',
      containers: [{ exitCode: 143 }],
    })
  })

  it('ends with its essential container, whatever the other one does', async () => {
    double.ecs.defineTaskDefinition({
      family: 'pair',
      containers: [
        {
          name: 'sidecar',
          image: 'sh:latest',
          essential: false,
          command: ['trap "exit 5" TERM; while :; do sleep 0.05; done'],
        },
        { name: CONTAINER, image: 'sh:latest' },
      ],
    })
    const task = await until(await run('exit 0', { taskDefinition: 'pair' }), 'STOPPED')
    expect(task.containers?.map(({ name, exitCode }) => [name, exitCode])).toEqual([
      ['sidecar', 5],
      [CONTAINER, 0],
    ])
  })
})

describe('StopTask', () => {
  it('sends SIGTERM, and keeps the exit code that the process chose', async () => {
    const arn = await run('trap "exit 9" TERM; while :; do sleep 0.05; done')
    await until(arn, 'RUNNING')
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn, reason: 'cancelled' }))
    expect(await until(arn, 'STOPPED')).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'cancelled',
      containers: [{ exitCode: 9 }],
    })
  })

  it('kills what does not go within the stop timeout, with all that stems from it', async () => {
    const arn = await run('trap "" TERM; setsid sleep 61 & while :; do sleep 0.05; done')
    await until(arn, 'RUNNING')
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }))
    await until(arn, 'STOPPING')
    double.clock.advance(2_000)
    expect((await until(arn, 'STOPPED')).containers?.[0]?.exitCode).toBe(137)
  })

  it('stops what never ran without a start or an exit code', async () => {
    double.ecs.hold('PROVISIONING')
    const arn = await run('exit 0')
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }))
    const task = await until(arn, 'STOPPED')
    expect(task).toMatchObject({ stopCode: 'UserInitiated' })
    expect(task.startedAt).toBeUndefined()
  })

  it('says that it does not find a task, and changes nothing about one that stopped', async () => {
    await expect(ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: 'a'.repeat(32) }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'The referenced task was not found.',
    })
    const arn = await run('exit 3')
    await until(arn, 'STOPPED')
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: arn, reason: 'late' }))
    expect((await taskOf(arn))?.stopCode).toBe('EssentialContainerExited')
  })
})

describe('RunTask', () => {
  it('answers the same task to the same token, and a conflict to other parameters', async () => {
    const first = await run('exit 0', { clientToken: 'token-1' })
    expect(await run('exit 0', { clientToken: 'token-1' })).toBe(first)
    const other = ecs.send(new RunTaskCommand(shell('exit 1', { clientToken: 'token-1' })))
    await expect(other).rejects.toMatchObject({ name: 'ConflictException', resourceIds: [first] })
    expect(double.ecs.tasks()).toHaveLength(1)
  })

  it('knows a token until an hour after its task has stopped', async () => {
    const first = await run('exit 0', { clientToken: 'token-1' })
    await until(first, 'STOPPED')
    double.clock.advance(59 * 60_000)
    expect(await run('exit 0', { clientToken: 'token-1' })).toBe(first)
    double.clock.advance(2 * 60_000)
    expect(await run('exit 0', { clientToken: 'token-1' })).not.toBe(first)
  })

  it('forgets the token of a launch that started nothing', async () => {
    double.faults.next('ecs:RunTask', { kind: 'capacity' })
    const refused = await ecs.send(new RunTaskCommand(shell('exit 0', { clientToken: 'token-1' })))
    expect(refused.tasks).toEqual([])
    expect(refused.failures?.[0]?.reason).toMatch(/^Capacity is unavailable at this time/)
    expect(await run('exit 0', { clientToken: 'token-1' })).toContain(':task/jobs/')
  })

  it('answers failures with the reasons that a test orders, and with a full cluster', async () => {
    double.faults.next('ecs:RunTask', { kind: 'capacity', reasons: ['RESOURCE:CPU', 'ATTRIBUTE'] })
    const refused = await ecs.send(new RunTaskCommand(shell('exit 0')))
    expect(refused.failures?.map(({ reason }) => reason)).toEqual(['RESOURCE:CPU', 'ATTRIBUTE'])
    double.ecs.defineCluster({ name: CLUSTER, maxTasks: 1 })
    const half = await ecs.send(new RunTaskCommand(shell('sleep 60', { count: 2 })))
    expect(half.tasks).toHaveLength(1)
    expect(half.failures).toHaveLength(1)
  })

  it.each<[string, Partial<RunTaskCommandInput>, string, RegExp]>([
    ['an unknown cluster', { cluster: 'nowhere' }, 'ClusterNotFoundException', /Cluster not found/],
    ['an unknown task definition', { taskDefinition: 'nothing' }, 'ClientException', /TaskDefinition not found/],
    [
      'overrides that are too long',
      { overrides: { containerOverrides: [{ name: CONTAINER, command: ['x'.repeat(8192)] }] } },
      'InvalidParameterException',
      /8192/,
    ],
    [
      'an override of another container',
      { overrides: { containerOverrides: [{ name: 'other' }] } },
      'InvalidParameterException',
      /is not a container in the TaskDefinition/,
    ],
    [
      'a launch type beside a strategy',
      { capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }] },
      'InvalidParameterException',
      /launch type and capacity provider/,
    ],
    ['more tasks than ten', { count: 11 }, 'InvalidParameterException', /between 1 and 10/],
    ['a starter with a space', { startedBy: 'a b' }, 'InvalidParameterException', /startedBy/],
    ['a token that is too long', { clientToken: 'x'.repeat(65) }, 'InvalidParameterException', /clientToken/],
    ['no network', { networkConfiguration: {} }, 'InvalidParameterException', /Network Configuration/],
    ['EC2 without instances', { launchType: 'EC2' }, 'InvalidParameterException', /No Container Instances/],
  ])('refuses %s', async (_, more, name, message) => {
    const answer = ecs.send(new RunTaskCommand(shell('exit 0', more)))
    await expect(answer).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string })
    expect(double.ecs.tasks()).toEqual([])
  })
})

describe('DescribeTasks and ListTasks', () => {
  it('miss a new task as often as a test says, as eventual consistency does', async () => {
    double.ecs.consistencyLag = 2
    const arn = await run('sleep 60')
    const missing = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))
    expect(missing).toMatchObject({ tasks: [], failures: [{ arn, reason: 'MISSING' }] })
    expect((await ecs.send(new ListTasksCommand({ cluster: CLUSTER }))).taskArns).toEqual([])
    expect((await ecs.send(new ListTasksCommand({ cluster: CLUSTER }))).taskArns).toEqual([arn])
  })

  it('take no more than a hundred tasks, and no task of another cluster', async () => {
    const many = Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0'))
    await expect(ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: many }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
    double.ecs.defineCluster({ name: 'other' })
    const arn = await run('exit 0')
    await expect(ecs.send(new DescribeTasksCommand({ cluster: 'other', tasks: [arn] }))).rejects.toMatchObject({
      message: 'Invalid identifier: Identifier is for cluster jobs. Your cluster is other',
    })
  })

  it('forget a task an hour after it stopped', async () => {
    const arn = await run('exit 0')
    await until(arn, 'STOPPED')
    double.clock.advance(61 * 60_000)
    const { failures } = await ecs.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))
    expect(failures).toEqual([{ arn, reason: 'MISSING' }])
  })

  it('forget at once what vanished, and its process is gone', async () => {
    const arn = await run('sleep 60')
    await until(arn, 'RUNNING')
    const [pid = 0] = double.ecs.pidsOf(arn)
    await double.ecs.vanish(arn)
    expect(await taskOf(arn)).toBeNull()
    expect(() => process.kill(pid, 0)).toThrow()
  })

  it('list by who started it, by desired status, and in pages', async () => {
    const mine = await Promise.all([1, 2, 3].map(async () => await run('sleep 60', { startedBy: 'me' })))
    await run('sleep 60', { startedBy: 'you' })
    const [first = ''] = mine
    await until(first, 'RUNNING')
    await ecs.send(new StopTaskCommand({ cluster: CLUSTER, task: first }))
    const list = async (more: object): Promise<readonly string[]> => {
      const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: 'me', ...more }))
      return taskArns
    }
    expect(await list({ desiredStatus: 'STOPPED' })).toEqual([first])
    expect(await list({})).toHaveLength(2)
    expect(await list({ desiredStatus: 'PENDING' })).toEqual([])
    const page = await ecs.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: 'me', maxResults: 1 }))
    expect(await list({ maxResults: 1, nextToken: page.nextToken })).toHaveLength(1)
    await expect(list({ family: DEFINITION })).rejects.toMatchObject({ name: 'InvalidParameterException' })
  })
})

describe('what a health check asks', () => {
  it('answers clusters and task definitions, and which of them are not there', async () => {
    const { clusters, failures } = await ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER, 'nowhere'] }))
    expect(clusters).toMatchObject([{ clusterName: CLUSTER, status: 'ACTIVE' }])
    expect(failures).toMatchObject([{ reason: 'MISSING' }])
    const { taskDefinition } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: DEFINITION }))
    expect(taskDefinition?.containerDefinitions?.map(({ name }) => name)).toEqual([CONTAINER])
    const unknown = ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'nothing' }))
    await expect(unknown).rejects.toMatchObject({
      name: 'ClientException',
      message: 'Unable to describe task definition.',
    })
  })
})

describe('events', () => {
  it('come to a queue as EventBridge puts them, lost or doubled where a test says so', async () => {
    const queueUrl = double.sqs.createQueue('changes')
    double.events.sendTo(queueUrl, double.ecs.defineCluster({ name: CLUSTER }))
    double.events.next('drop')
    double.events.next('duplicate')
    const arn = await run('exit 0', { startedBy: 'me' })
    await until(arn, 'STOPPED')
    const sqs = new SQSClient(double.client)
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }))
    sqs.destroy()
    const [first, second] = Messages.map(({ Body = '' }) => JSON.parse(Body) as { id: string; detail: Task })
    expect(first?.id).toBe(second?.id)
    expect(first).toMatchObject({
      source: 'aws.ecs',
      'detail-type': 'ECS Task State Change',
      resources: [arn],
      detail: { taskArn: arn, startedBy: 'me', createdAt: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    })
  })
})
