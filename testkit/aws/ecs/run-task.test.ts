import { RunTaskCommand, StopTaskCommand, type RunTaskCommandInput } from '@aws-sdk/client-ecs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AwsDouble } from '../aws-double.ts'
import { CLUSTER, CONTAINER, startStage } from '../stage.ts'
import { EcsCalls, shell } from './ecs-calls.ts'

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

describe('RunTask', () => {
  it('answers the same task to the same token, and a conflict to other parameters', async () => {
    const first = await ecs.run('exit 0', { clientToken: 'token-1' })
    expect(await ecs.run('exit 0', { clientToken: 'token-1' })).toBe(first)
    const other = ecs.client.send(new RunTaskCommand(shell('exit 1', { clientToken: 'token-1' })))
    await expect(other).rejects.toMatchObject({ name: 'ConflictException', resourceIds: [first] })
    expect(double.ecs.tasks()).toHaveLength(1)
  })

  it('knows a token until an hour after its task has stopped', async () => {
    const first = await ecs.run('exit 0', { clientToken: 'token-1' })
    await ecs.until(first, 'STOPPED')
    double.clock.advance(59 * 60_000)
    expect(await ecs.run('exit 0', { clientToken: 'token-1' })).toBe(first)
    double.clock.advance(2 * 60_000)
    expect(await ecs.run('exit 0', { clientToken: 'token-1' })).not.toBe(first)
  })

  it('forgets the token of a launch that started nothing', async () => {
    double.faults.next('ecs:RunTask', { kind: 'capacity' })
    const refused = await ecs.client.send(new RunTaskCommand(shell('exit 0', { clientToken: 'token-1' })))
    expect(refused.tasks).toEqual([])
    expect(refused.failures?.[0]?.reason).toMatch(/^Capacity is unavailable at this time/)
    expect(await ecs.run('exit 0', { clientToken: 'token-1' })).toContain(':task/jobs/')
  })

  it('answers failures with the reasons that a test orders, and with a full cluster', async () => {
    double.faults.next('ecs:RunTask', { kind: 'capacity', reasons: ['RESOURCE:CPU', 'ATTRIBUTE'] })
    const refused = await ecs.client.send(new RunTaskCommand(shell('exit 0')))
    expect(refused.failures?.map(({ reason }) => reason)).toEqual(['RESOURCE:CPU', 'ATTRIBUTE'])
    double.ecs.defineCluster({ name: CLUSTER, maxTasks: 1 })
    const half = await ecs.client.send(new RunTaskCommand(shell('sleep 60', { count: 2 })))
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
    const answer = ecs.client.send(new RunTaskCommand(shell('exit 0', more)))
    await expect(answer).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string })
    expect(double.ecs.tasks()).toEqual([])
  })
})

describe('a cluster of instances', () => {
  it('refuses what finds no room, saying why of each instance, and takes it when there is room', async () => {
    const containerInstances = [
      { cpu: 256, memory: 512 },
      { cpu: 128, memory: 512 },
    ]
    double.ecs.defineCluster({ name: CLUSTER, containerInstances })
    const onEc2 = { launchType: 'EC2' as const }
    const first = await ecs.run('sleep 60', onEc2)
    const refused = await ecs.client.send(new RunTaskCommand(shell('exit 0', onEc2)))
    expect(refused.failures?.map(({ reason }) => reason)).toEqual(['RESOURCE:CPU', 'RESOURCE:CPU'])
    expect(refused.failures?.[0]?.arn).toContain(':container-instance/jobs/')
    const constraint = {
      ...onEc2,
      placementConstraints: [{ type: 'memberOf' as const, expression: 'attribute:disk == ssd' }],
    }
    const unfit = await ecs.client.send(new RunTaskCommand(shell('exit 0', constraint)))
    expect(unfit.failures?.map(({ reason }) => reason)).toEqual(['ATTRIBUTE', 'ATTRIBUTE'])
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: first }))
    await ecs.until(first, 'STOPPED')
    expect((await ecs.until(await ecs.run('exit 0', onEc2), 'STOPPED')).containerInstanceArn).toContain(
      ':container-instance/jobs/',
    )
  })
})
