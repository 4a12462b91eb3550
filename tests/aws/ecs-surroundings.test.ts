import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EcsExecutor } from '@fairlead/executor-aws/ecs'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { startAwsDouble } from '../../testkit/aws/index.ts'
import { eventually } from '../../testkit/eventually.ts'
import { taskWorkload } from '../../testkit/sample-workloads.ts'
import { ECS_SETTINGS } from './ecs-stage.ts'
import type { PolicyDocument } from '../../testkit/aws/iam/policy.ts'
import { docBlocks } from '../docs/doc-blocks.ts'
import { EcsInstance, setEndsStage, SIGNAL, STAYS, type InstanceOptions } from './ecs-rig.ts'

/** Health, credentials, permissions, logs, commands and views of the EcsExecutor, by the real SDK against the double. */

const double = await startAwsDouble()
setEndsStage(double)
Object.assign(process.env, double.environment)
const instances: EcsInstance[] = []
const open = (options: InstanceOptions = {}): EcsInstance => {
  const instance = new EcsInstance(double, options)
  instances.push(instance)
  return instance
}

beforeEach(async () => {
  double.faults.clear()
  await Promise.all(instances.splice(0).map((instance) => instance.die()))
  double.calls.reset()
  double.ecs.consistencyLag = 0
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.die()))
  await double.close()
})

describe('credentials', () => {
  it('that expire keep what waits, and those that are renewed are found without a restart', async () => {
    const ecs = open()
    const fault = double.faults.begin('ecs:*', { kind: 'expiredCredentials' })
    const workload = ecs.give('succeeds')
    await ecs.executor.processWorkloads(SIGNAL)
    await eventually(() => ecs.executor.waitingFor(workload.taskInstance.dispatchId)?.includes('Expired'))
    double.faults.end(fault)
    expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 0 })
  })
})

describe('the health check', () => {
  const starts = async (settings: object = {}): Promise<string> =>
    await open({ settings: { ...settings } })
      .executor.start(SIGNAL)
      .then(
        () => 'healthy',
        (error: Error) => error.message,
      )

  it('passes where everything is there', async () => {
    const before = double.ecs.tasks().length
    expect(await starts({ taskDefinition: STAYS })).toBe('healthy')
    expect(double.ecs.tasks()).toHaveLength(before)
  })

  it.each<[string, object, RegExp]>([
    ['the cluster', { cluster: 'jobz' }, /cluster "jobz"/],
    ['the task definition', { taskDefinition: 'wurker' }, /task definition "wurker"/],
    ['the container', { containerName: 'skipper' }, /no container "skipper", but main/],
    ['the cluster of a queue', { queues: { gpu: { cluster: 'gpus' } } }, /cluster "gpus"/],
  ])('says that %s is wrong', async (_, settings, words) => {
    expect(await starts(settings)).toMatch(words)
  })

  it.each(['RunTask', 'StopTask', 'DescribeTasks', 'ListTasks'])('says that %s is not allowed', async (operation) => {
    double.faults.next(`ecs:${operation}`, { kind: 'error', code: 'AccessDeniedException', message: 'not you' })
    expect(await starts()).toContain(`ecs:${operation} is not allowed. AccessDeniedException: not you`)
  })

  it('says that there are no credentials that do, as that', async () => {
    double.faults.begin('ecs:*', { kind: 'expiredCredentials' })
    expect(await starts()).toMatch(/expired/i)
  })

  it('asks nothing where it is turned off', async () => {
    expect(await starts({ checkHealth: false, cluster: 'jobz' })).toBe('healthy')
    expect(double.calls.all()).toEqual({})
  })
})

describe('credentials from a profile', () => {
  it('that are replaced in the file are used from then on, without a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fl-aws-'))
    const file = join(folder, 'credentials')
    const write = ({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }): void =>
      writeFileSync(file, `[fleet]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`)
    const before = double.iam.createUser({ name: 'before' })
    write(before)
    const kept = { ...process.env }
    process.env['AWS_SHARED_CREDENTIALS_FILE'] = file
    try {
      const ecs = open({ settings: { profile: 'fleet' } })
      await ecs.ended(ecs.give('succeeds'))
      double.iam.expire(before.accessKeyId)
      const workload = ecs.give('succeeds')
      await ecs.executor.processWorkloads(SIGNAL)
      await eventually(() => ecs.executor.waitingFor(workload.taskInstance.dispatchId))
      write(double.iam.createUser({ name: 'after' }))
      expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 0 })
    } finally {
      process.env = kept
      rmSync(folder, { recursive: true })
    }
  })

  it('of a role are taken, and taken again when they expire', async () => {
    const assumeRoleArn = double.iam.createRole({ name: 'fairlead' })
    const ecs = open({ settings: { assumeRoleArn } })
    await ecs.ended(ecs.give('succeeds'))
    expect(double.calls.of('sts:AssumeRole')).toBe(1)
    double.faults.next('ecs:RunTask', { kind: 'expiredCredentials' })
    await ecs.ended(ecs.give('succeeds'))
    expect(double.calls.of('sts:AssumeRole')).toBe(2)
  })

  it('of a role that may not be taken are missing credentials, and the work waits', async () => {
    const assumeRoleArn = double.iam.createRole({ name: 'others', trusted: ['arn:aws:iam::1:user/nobody'] })
    const ecs = open({ settings: { assumeRoleArn } })
    const workload = ecs.give('succeeds')
    await ecs.executor.processWorkloads(SIGNAL)
    await eventually(() => ecs.executor.waitingFor(workload.taskInstance.dispatchId))
    expect(ecs.executor.waitingFor(workload.taskInstance.dispatchId)).toContain('cannot be assumed')
    expect(ecs.endOf(workload)).toBe(null)
  })
})

describe('the policy of the guide', () => {
  const [block] = docBlocks(process.cwd(), 'docs/guide/executor-ecs.md').filter(({ mark }) => mark === 'policy')
  const policy = JSON.parse(
    (block?.text ?? '')
      .replaceAll('REGION', double.region)
      .replaceAll('ACCOUNT', '123456789012')
      .replaceAll('CLUSTER', ECS_SETTINGS.cluster)
      .replaceAll('FAMILY', 'talks')
      .replaceAll('LOG-GROUP', '/fairlead'),
  ) as PolicyDocument

  it('allows everything that the executor does, and nothing that it does not', async () => {
    double.ecs.defineTaskDefinition({
      family: 'talks',
      containers: [
        {
          name: 'main',
          image: 'sh:latest',
          stopTimeout: 1,
          logConfiguration: {
            logDriver: 'awslogs',
            options: { 'awslogs-group': '/fairlead', 'awslogs-stream-prefix': 'ecs', 'awslogs-region': double.region },
          },
        },
      ],
      cpu: '256',
      memory: '512',
      taskRoleArn: double.iam.createRole({ name: 'fairlead-task' }),
      executionRoleArn: double.iam.createRole({ name: 'fairlead-execution' }),
    })
    const credentials = double.iam.createUser({ name: 'scheduler', policy })
    const kept = { ...process.env }
    process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey
    try {
      const before = double.iam.denied.length
      const ecs = open({ settings: { taskDefinition: 'talks', command: ['echo hello; exec sleep 600'] } })
      await ecs.executor.start(SIGNAL)
      const workload = ecs.submit(taskWorkload())
      await ecs.until(() => ecs.eventsOf(workload).length === 2)
      for await (const line of (await ecs.executor.getTaskLog(workload.taskInstance)) ?? []) {
        expect(line).toBe('hello\n')
        break
      }
      await ecs.executor.tryAdoptTaskInstances([workload.taskInstance], SIGNAL)
      await ecs.executor.operations.list(true, SIGNAL)
      await ecs.executor.revokeTask(workload.taskInstance, SIGNAL)
      expect(double.iam.denied.slice(before)).toEqual([])
      expect(double.iam.unusedBy(credentials.accessKeyId)).toEqual([])
    } finally {
      process.env = kept
    }
  })

  it('does not allow it in another cluster', async () => {
    double.ecs.defineCluster({ name: 'theirs' })
    const credentials = double.iam.createUser({ name: 'stranger', policy })
    const kept = { ...process.env }
    process.env['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId
    process.env['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey
    try {
      const ecs = open({ settings: { taskDefinition: 'talks', cluster: 'theirs', launchType: 'FARGATE' } })
      expect(await ecs.ended(ecs.submit(taskWorkload()))).toMatchObject({
        detail: expect.stringContaining('AccessDenied'),
      })
    } finally {
      process.env = kept
    }
  })
})

describe('commands and views', () => {
  const [group] = EcsExecutor.getCliCommands()
  const run = async (
    ecs: EcsInstance,
    name: string,
    given: readonly string[] = [],
    options: Record<string, string | boolean> = {},
  ) => {
    const texts: string[] = []
    const command = group?.commands.find((one) => one.name === name)
    const say = (text: string): void => void texts.push(text)
    const exitCode = await command?.run({
      executor: ecs.executor,
      arguments: given,
      options,
      out: say,
      err: say,
      signal: SIGNAL,
    })
    return { exitCode, text: texts.join('') }
  }

  it('check says what is well and what is not', async () => {
    expect(await run(open({ settings: { taskDefinition: STAYS } }), 'check')).toMatchObject({
      exitCode: 0,
      text: expect.not.stringContaining('PROBLEM'),
    })
    const { exitCode, text } = await run(open({ settings: { cluster: 'jobz' } }), 'check')
    expect({ exitCode, text }).toMatchObject({ exitCode: 1, text: expect.stringMatching(/^PROBLEM cluster "jobz": /m) })
  })

  it('list-tasks lists what this instance runs, and nobody else does; stop stops it', async () => {
    const ecs = open()
    const other = open({ name: 'other' })
    const arn = await ecs.accepted(ecs.give(STAYS, { dagId: 'sales', taskId: 'load' }))
    const foreign = await other.accepted(other.give(STAYS))
    const listed = await run(ecs, 'list-tasks')
    expect(listed.text).toContain(arn)
    expect(listed.text).toContain('sales.load')
    expect(listed.text).not.toContain(foreign)
    expect(await run(ecs, 'stop', [foreign])).toMatchObject({ exitCode: 1 })
    expect(double.ecs.task(foreign).desired).toBe('RUNNING')
    expect(await run(ecs, 'stop', [arn], { reason: 'low tide' })).toMatchObject({ exitCode: 0 })
    expect(double.ecs.task(arn).stop?.reason).toBe('low tide')
    await other.executor.terminate()
  })

  it('the view of a task shows ARN, link, reason of its stop and the request, and no secret', async () => {
    const ecs = open()
    const workload = ecs.submit(taskWorkload({ token: 'the-launch-ticket' }), {
      taskDefinition: 'fails',
      env: { API_TOKEN: 'hush', PLAIN: 'shown' },
    })
    const arn = await ecs.accepted(workload)
    await ecs.ended(workload)
    const [view] = EcsExecutor.getUiViews()
    if (view?.kind !== 'taskInstance') throw new Error('There is no view of a task instance.')
    const data = await view.data({
      executor: ecs.executor,
      taskInstance: { ...workload.taskInstance, externalId: arn },
      signal: SIGNAL,
    })
    expect(data).toMatchObject({
      arn,
      exitCode: 100,
      verdict: 'userFailed',
      link: expect.stringContaining('/clusters/jobs/tasks/'),
    })
    const text = JSON.stringify(data)
    expect(text).toContain('"PLAIN":"shown"')
    expect(text).not.toContain('hush')
    expect(text).not.toContain('the-launch-ticket')
  })
})

describe('changes that are pushed', () => {
  it('are heard at once, while polling would take an hour; lost, late and repeated ones do no harm', async () => {
    const queueUrl = double.sqs.createQueue('changes')
    const end = double.events.sendTo(queueUrl)
    const hour = 3_600_000
    const pace = { poll: { shortestMs: hour, longestMs: hour }, events: { queueUrl, reconcileMs: hour } }
    const ecs = open({ settings: { ...pace, checkHealth: false } })
    await ecs.executor.start(SIGNAL)
    double.events.next('duplicate', 3)
    const workload = ecs.give('fails')
    expect(await ecs.ended(workload)).toEqual({ kind: 'exited', exitCode: 100 })
    expect(ecs.eventsOf(workload).filter(({ kind }) => kind === 'ended')).toHaveLength(1)
    await eventually(() => double.sqs.bodiesIn(queueUrl).length === 0)
    end()
  })

  it('that get lost are made up for by polling', async () => {
    const queueUrl = double.sqs.createQueue('lossy')
    const end = double.events.sendTo(queueUrl)
    double.events.next('drop', 100)
    const ecs = open({ settings: { events: { queueUrl, reconcileMs: 100 }, checkHealth: false } })
    await ecs.executor.start(SIGNAL)
    expect(await ecs.ended(ecs.give('succeeds'))).toEqual({ kind: 'exited', exitCode: 0 })
    end()
  })
})

describe('the end of an instance', () => {
  it('launches nothing that waits, leaves what runs, and needs no time', async () => {
    const ecs = open({ parallelism: 1 })
    const running = ecs.give(STAYS)
    const arn = await ecs.accepted(running)
    const waiting = ecs.give(STAYS)
    await ecs.executor.end(SIGNAL)
    await ecs.executor.processWorkloads(SIGNAL)
    expect(double.ecs.startedBy(`fairlead/ecs/${waiting.taskInstance.dispatchId}`)).toEqual([])
    expect(double.ecs.task(arn).desired).toBe('RUNNING')
  })

  it('by force stops every task, though ECS refuses to stop one of them', async () => {
    const ecs = open()
    const workloads = [ecs.give(STAYS), ecs.give(STAYS), ecs.give(STAYS)]
    const arns: string[] = []
    for (const workload of workloads) arns.push(await ecs.accepted(workload))
    double.faults.next('ecs:StopTask', { kind: 'error', code: 'ServerException', message: 'no', status: 500 })
    await ecs.executor.terminate()
    expect(arns.filter((arn) => double.ecs.task(arn).desired === 'STOPPED')).toHaveLength(2)
    expect(ecs.logged.filter(({ message }) => message === 'a task could not be stopped')).toHaveLength(1)
  })
})
