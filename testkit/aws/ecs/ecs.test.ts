import {
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs'
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AwsDouble } from '../aws-double.ts'
import { CLUSTER, CONTAINER, DEFINITION, LOG_GROUP, startStage } from '../stage.ts'
import { EcsCalls } from './ecs-calls.ts'

let double: AwsDouble
let ecs: EcsCalls

beforeEach(async () => {
  double = await startStage()
  ecs = new EcsCalls(double)
})

afterEach(async () => {
  ecs.close()
  await double.close()
})

describe('the life of a task', () => {
  it('passes every status of the documented life cycle, in order', async () => {
    const seen: string[] = []
    const queueUrl = double.sqs.createQueue('changes')
    double.events.sendTo(queueUrl)
    await ecs.until(await ecs.run('exit 0'), 'STOPPED')
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
    const arn = await ecs.run('echo "hello $NAME"; exit 7', {
      startedBy: 'fairlead/1',
      tags: [{ key: 'team', value: 'data' }],
      overrides: {
        containerOverrides: [
          { name: CONTAINER, command: ['echo "hello $NAME"; exit 7'], environment: [{ name: 'NAME', value: 'you' }] },
        ],
      },
    })
    const task = await ecs.until(arn, 'STOPPED')
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
    const arn = await ecs.run('env')
    await ecs.until(arn, 'STOPPED')
    delete process.env['SECRET_OF_THE_MACHINE']
    expect(double.logs.everything()).toContain('AWS_REGION=eu-central-1')
    expect(double.logs.everything()).not.toContain('SECRET_OF_THE_MACHINE')
  })

  it('has no start and no exit code when the image cannot be pulled', async () => {
    double.ecs.defineTaskDefinition({ family: 'broken', containers: [{ name: CONTAINER, image: 'nobody/knows:1' }] })
    const task = await ecs.until(await ecs.run('exit 0', { taskDefinition: 'broken' }), 'STOPPED')
    expect(task).toMatchObject({ stopCode: 'TaskFailedToStart' })
    expect(task.stoppedReason).toContain('CannotPullContainerError')
    expect(task.startedAt).toBeUndefined()
    expect(task.containers?.[0]?.exitCode).toBeUndefined()
  })

  it('fails to start when its program is not there', async () => {
    double.images.define('hollow', { kind: 'program', entryPoint: ['/no/such/program'] })
    double.ecs.defineTaskDefinition({ family: 'hollow', containers: [{ name: CONTAINER, image: 'hollow' }] })
    const task = await ecs.until(await ecs.run('x', { taskDefinition: 'hollow' }), 'STOPPED')
    expect(task.stopCode).toBe('TaskFailedToStart')
    expect(task.containers?.[0]?.reason).toContain('CannotStartContainerError')
    expect(task.startedAt).toBeUndefined()
  })

  it('fails to start for the reason that a test orders, once', async () => {
    double.ecs.failStarts('ResourceInitializationError: unable to pull secrets')
    const failed = await ecs.until(await ecs.run('exit 0'), 'STOPPED')
    expect(failed).toMatchObject({
      stopCode: 'TaskFailedToStart',
      stoppedReason: 'ResourceInitializationError: unable to pull secrets',
    })
    expect((await ecs.until(await ecs.run('exit 0'), 'STOPPED')).stopCode).toBe('EssentialContainerExited')
  })

  it('shows what a killed process, a lack of memory, lost host and reclaimed spot capacity look like', async () => {
    const [killed, memory, host, spot] = await Promise.all([
      ecs.run('sleep 60'),
      ecs.run('sleep 60'),
      ecs.run('sleep 60'),
      ecs.run('sleep 60'),
    ])
    for (const arn of [killed, memory, host, spot]) await ecs.until(arn, 'RUNNING')
    double.ecs.kill(killed)
    double.ecs.killForMemory(memory)
    double.ecs.loseHost(host)
    double.ecs.interruptSpot(spot)
    expect(await ecs.until(killed, 'STOPPED')).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode: 137 }],
    })
    expect((await ecs.until(memory, 'STOPPED')).containers?.[0]).toMatchObject({
      exitCode: 137,
      reason: 'OutOfMemoryError: Container killed due to memory usage',
    })
    const lost = await ecs.until(host, 'STOPPED')
    expect(lost.stoppedReason).toMatch(/^Host EC2 \(instance i-[0-9a-f]+\) terminated\.$/)
    expect(lost.containers?.[0]?.exitCode).toBeUndefined()
    expect(await ecs.until(spot, 'STOPPED')).toMatchObject({
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
    const task = await ecs.until(await ecs.run('exit 0', { taskDefinition: 'pair' }), 'STOPPED')
    expect(task.containers?.map(({ name, exitCode }) => [name, exitCode])).toEqual([
      ['sidecar', 5],
      [CONTAINER, 0],
    ])
  })
})

describe('StopTask', () => {
  it('sends SIGTERM, and keeps the exit code that the process chose', async () => {
    const arn = await ecs.run('trap "exit 9" TERM; while :; do sleep 0.05; done')
    await ecs.until(arn, 'RUNNING')
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: arn, reason: 'cancelled' }))
    expect(await ecs.until(arn, 'STOPPED')).toMatchObject({
      stopCode: 'UserInitiated',
      stoppedReason: 'cancelled',
      containers: [{ exitCode: 9 }],
    })
  })

  it('kills what does not go within the stop timeout, with all that stems from it', async () => {
    const arn = await ecs.run('trap "" TERM; setsid sleep 61 & while :; do sleep 0.05; done')
    await ecs.until(arn, 'RUNNING')
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }))
    await ecs.until(arn, 'STOPPING')
    double.clock.advance(2_000)
    expect((await ecs.until(arn, 'STOPPED')).containers?.[0]?.exitCode).toBe(137)
  })

  it('stops what never ran without a start or an exit code', async () => {
    double.ecs.hold('PROVISIONING')
    const arn = await ecs.run('exit 0')
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: arn }))
    const task = await ecs.until(arn, 'STOPPED')
    expect(task).toMatchObject({ stopCode: 'UserInitiated' })
    expect(task.startedAt).toBeUndefined()
  })

  it('says that it does not find a task, and changes nothing about one that stopped', async () => {
    await expect(
      ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: 'a'.repeat(32) })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'The referenced task was not found.',
    })
    const arn = await ecs.run('exit 3')
    await ecs.until(arn, 'STOPPED')
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: arn, reason: 'late' }))
    expect((await ecs.taskOf(arn))?.stopCode).toBe('EssentialContainerExited')
  })
})

describe('DescribeTasks and ListTasks', () => {
  it('miss a new task as often as a test says, as eventual consistency does', async () => {
    double.ecs.consistencyLag = 2
    const arn = await ecs.run('sleep 60')
    const missing = await ecs.client.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))
    expect(missing).toMatchObject({ tasks: [], failures: [{ arn, reason: 'MISSING' }] })
    expect((await ecs.client.send(new ListTasksCommand({ cluster: CLUSTER }))).taskArns).toEqual([])
    expect((await ecs.client.send(new ListTasksCommand({ cluster: CLUSTER }))).taskArns).toEqual([arn])
  })

  it('take no more than a hundred tasks, and no task of another cluster', async () => {
    const many = Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0'))
    await expect(ecs.client.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: many }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
    })
    double.ecs.defineCluster({ name: 'other' })
    const arn = await ecs.run('exit 0')
    await expect(ecs.client.send(new DescribeTasksCommand({ cluster: 'other', tasks: [arn] }))).rejects.toMatchObject({
      message: 'Invalid identifier: Identifier is for cluster jobs. Your cluster is other',
    })
  })

  it('forget a task an hour after it stopped', async () => {
    const arn = await ecs.run('exit 0')
    await ecs.until(arn, 'STOPPED')
    double.clock.advance(61 * 60_000)
    const { failures } = await ecs.client.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn] }))
    expect(failures).toEqual([{ arn, reason: 'MISSING' }])
  })

  it('forget at once what vanished, and its process is gone', async () => {
    const arn = await ecs.run('sleep 60')
    await ecs.until(arn, 'RUNNING')
    const [pid = 0] = double.ecs.pidsOf(arn)
    await double.ecs.vanish(arn)
    expect(await ecs.taskOf(arn)).toBeNull()
    expect(() => process.kill(pid, 0)).toThrow()
  })

  it('list by who started it, by desired status, and in pages', async () => {
    const mine = await Promise.all([1, 2, 3].map(async () => await ecs.run('sleep 60', { startedBy: 'me' })))
    await ecs.run('sleep 60', { startedBy: 'you' })
    const [first = ''] = mine
    await ecs.until(first, 'RUNNING')
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: first }))
    const list = async (more: object): Promise<readonly string[]> => {
      const { taskArns = [] } = await ecs.client.send(
        new ListTasksCommand({ cluster: CLUSTER, startedBy: 'me', ...more }),
      )
      return taskArns
    }
    expect(await list({ desiredStatus: 'STOPPED' })).toEqual([first])
    expect(await list({})).toHaveLength(2)
    expect(await list({ desiredStatus: 'PENDING' })).toEqual([])
    const page = await ecs.client.send(new ListTasksCommand({ cluster: CLUSTER, startedBy: 'me', maxResults: 1 }))
    expect(await list({ maxResults: 1, nextToken: page.nextToken })).toHaveLength(1)
    await expect(list({ family: DEFINITION })).rejects.toMatchObject({ name: 'InvalidParameterException' })
  })
})

describe('what a health check asks', () => {
  it('answers clusters and task definitions, and which of them are not there', async () => {
    const { clusters, failures } = await ecs.client.send(
      new DescribeClustersCommand({ clusters: [CLUSTER, 'nowhere'] }),
    )
    expect(clusters).toMatchObject([{ clusterName: CLUSTER, status: 'ACTIVE' }])
    expect(failures).toMatchObject([{ reason: 'MISSING' }])
    const { taskDefinition } = await ecs.client.send(new DescribeTaskDefinitionCommand({ taskDefinition: DEFINITION }))
    expect(taskDefinition?.containerDefinitions?.map(({ name }) => name)).toEqual([CONTAINER])
    const unknown = ecs.client.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'nothing' }))
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
    const arn = await ecs.run('exit 0', { startedBy: 'me' })
    await ecs.until(arn, 'STOPPED')
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
