import { DescribeClustersCommand, ECSClient, RunTaskCommand } from '@aws-sdk/client-ecs'
import { DescribeJobsCommand, BatchClient } from '@aws-sdk/client-batch'
import { GetFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AwsDouble, ClientSettings } from './aws-double.ts'
import type { Credentials } from './iam/identities.ts'
import { CLUSTER, DEFINITION, NETWORK, startStage } from './stage.ts'

let double: AwsDouble

beforeEach(async () => {
  double = await startStage()
})

afterEach(async () => {
  await double.close()
})

/** One harmless request of each protocol. */
const REQUESTS: ReadonlyArray<readonly [string, (settings: ClientSettings) => Promise<unknown>]> = [
  ['ecs', (settings) => new ECSClient(settings).send(new DescribeClustersCommand({}))],
  ['batch', (settings) => new BatchClient(settings).send(new DescribeJobsCommand({ jobs: [] }))],
  ['lambda', (settings) => new LambdaClient(settings).send(new GetFunctionCommand({ FunctionName: 'x' }))],
  ['sqs', (settings) => new SQSClient(settings).send(new ListQueuesCommand({}))],
  ['sts', (settings) => new STSClient(settings).send(new GetCallerIdentityCommand({}))],
]

async function codesWith(credentials: Credentials): Promise<Record<string, string>> {
  const settings = { ...double.clientOf(credentials), maxAttempts: 1 }
  const codes = REQUESTS.map(async ([name, request]) => [name, await codeOf(request(settings))] as const)
  return Object.fromEntries(await Promise.all(codes))
}

async function codeOf(request: Promise<unknown>): Promise<string> {
  try {
    await request
    return 'none'
  } catch (error) {
    return (error as Error).name
  }
}

describe('credentials', () => {
  it('that nobody knows are refused in the words of each protocol', async () => {
    expect(await codesWith({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' })).toEqual({
      ecs: 'UnrecognizedClientException',
      batch: 'UnrecognizedClientException',
      lambda: 'UnrecognizedClientException',
      sqs: 'InvalidClientTokenId',
      sts: 'InvalidClientTokenId',
    })
  })

  it('with the wrong secret do not sign what the double computes', async () => {
    const wrong = { ...double.client.credentials, secretAccessKey: 'wrong' }
    expect(await codesWith(wrong)).toEqual({
      ecs: 'InvalidSignatureException',
      batch: 'InvalidSignatureException',
      lambda: 'InvalidSignatureException',
      sqs: 'SignatureDoesNotMatch',
      sts: 'SignatureDoesNotMatch',
    })
  })

  it('that have expired are refused until they are renewed', async () => {
    const user = double.iam.createUser({ name: 'scheduler' })
    double.iam.expire(user.accessKeyId)
    expect(await codesWith(user)).toEqual({
      ecs: 'ExpiredTokenException',
      batch: 'ExpiredTokenException',
      lambda: 'ExpiredTokenException',
      sqs: 'ExpiredToken',
      sts: 'ExpiredToken',
    })
    double.iam.renew(user.accessKeyId)
    expect(await codesWith(user)).toMatchObject({ ecs: 'none', sqs: 'none', sts: 'none' })
  })

  it('scoped to another region are refused', async () => {
    const ecs = new ECSClient({ ...double.client, region: 'us-west-2', maxAttempts: 1 })
    await expect(ecs.send(new DescribeClustersCommand({}))).rejects.toThrow(/scoped to a valid region, not 'us-west-2'/)
    ecs.destroy()
  })
})

describe('a policy', () => {
  it('denies each action that it does not allow, naming who, what and on which resource', async () => {
    const user = double.iam.createUser({ name: 'nobody', policy: { Statement: [] } })
    expect(await codesWith(user)).toEqual({
      ecs: 'AccessDeniedException',
      batch: 'AccessDeniedException',
      lambda: 'AccessDeniedException',
      sqs: 'AccessDenied',
      sts: 'none',
    })
    expect(double.iam.denied.map(({ action }) => action).sort((a, b) => (a < b ? -1 : 1))).toEqual([
      'batch:DescribeJobs',
      'ecs:DescribeClusters',
      'lambda:GetFunction',
      'sqs:ListQueues',
    ])
  })

  it('for RunTask must allow the tags and the roles too, in the cluster it names', async () => {
    const role = double.iam.createRole({ name: 'task' })
    double.ecs.defineTaskDefinition({
      family: 'roled',
      taskRoleArn: role,
      containers: [{ name: 'main', image: 'sh:latest' }],
    })
    const allowed = ['ecs:RunTask']
    const denied: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const user = double.iam.createUser({
        name: `user-${round}`,
        policy: { Statement: { Effect: 'Allow', Action: allowed, Resource: '*' } },
      })
      const ecs = new ECSClient({ ...double.clientOf(user), maxAttempts: 1 })
      const code = await codeOf(
        ecs.send(
          new RunTaskCommand({
            cluster: CLUSTER,
            taskDefinition: 'roled',
            launchType: 'FARGATE',
            networkConfiguration: NETWORK,
            tags: [{ key: 'a', value: 'b' }],
          }),
        ),
      )
      ecs.destroy()
      const missing = code === 'AccessDeniedException' ? double.iam.denied.at(-1)?.action : undefined
      if (missing === undefined) continue
      denied.push(missing)
      allowed.push(missing)
    }
    expect(denied).toEqual(['ecs:TagResource', 'iam:PassRole'])
    expect(double.ecs.tasks()).toHaveLength(1)
  })

  it('of a user tells which of its actions were never needed', async () => {
    const policy = {
      Statement: { Effect: 'Allow' as const, Action: ['ecs:DescribeClusters', 'ecs:RunTask'], Resource: '*' },
    }
    const user = double.iam.createUser({ name: 'scheduler', policy })
    const ecs = new ECSClient(double.clientOf(user))
    await ecs.send(new DescribeClustersCommand({ clusters: [CLUSTER] }))
    ecs.destroy()
    expect(double.iam.unusedBy(user.accessKeyId)).toEqual(['ecs:RunTask'])
  })
})

describe('a role', () => {
  it('lends its policy to who assumes it, until the session ends', async () => {
    const RoleArn = double.iam.createRole({
      name: 'launcher',
      policy: { Statement: { Effect: 'Allow', Action: 'ecs:DescribeClusters', Resource: '*' } },
    })
    const sts = new STSClient(double.client)
    const { Credentials: lent } = await sts.send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'fairlead', DurationSeconds: 900 }),
    )
    const credentials = {
      accessKeyId: lent?.AccessKeyId ?? '',
      secretAccessKey: lent?.SecretAccessKey ?? '',
      sessionToken: lent?.SessionToken ?? '',
    }
    const session = new STSClient(double.clientOf(credentials))
    expect((await session.send(new GetCallerIdentityCommand({}))).Arn).toBe(
      'arn:aws:sts::123456789012:assumed-role/launcher/fairlead',
    )
    expect(await codesWith(credentials)).toMatchObject({ ecs: 'none', batch: 'AccessDeniedException' })
    const { sessionToken: _, ...withoutToken } = credentials
    expect(await codesWith(withoutToken)).toMatchObject({ ecs: 'UnrecognizedClientException' })
    double.clock.advance(900_000)
    expect(await codesWith(credentials)).toMatchObject({ ecs: 'ExpiredTokenException' })
    sts.destroy()
    session.destroy()
  })

  it('is not lent to whom it does not trust, nor where there is none', async () => {
    const RoleArn = double.iam.createRole({ name: 'closed', trusted: ['arn:aws:iam::123456789012:user/somebody'] })
    const sts = new STSClient({ ...double.client, maxAttempts: 1 })
    for (const arn of [RoleArn, 'arn:aws:iam::123456789012:role/nothing'])
      expect(await codeOf(sts.send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'fairlead' })))).toBe(
        'AccessDenied',
      )
    sts.destroy()
  })
})

it('lets a container with a task definition know nothing of the credentials of its launcher', async () => {
  const ecs = new ECSClient(double.client)
  const launch = {
    cluster: CLUSTER,
    taskDefinition: DEFINITION,
    launchType: 'FARGATE' as const,
    networkConfiguration: NETWORK,
  }
  const overrides = { containerOverrides: [{ name: 'main', command: ['env'] }] }
  const { tasks } = await ecs.send(new RunTaskCommand({ ...launch, overrides }))
  await double.ecs.ended(tasks?.[0]?.taskArn ?? '')
  ecs.destroy()
  expect(double.logs.everything()).toContain('AWS_REGION')
  expect(double.logs.everything()).not.toContain(double.client.credentials.secretAccessKey)
})
