import {
  CreateComputeEnvironmentCommand,
  CreateJobQueueCommand,
  RegisterJobDefinitionCommand,
} from '@aws-sdk/client-batch'
import { CreateLogGroupCommand, CreateLogStreamCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { CreateClusterCommand, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs'
import {
  CreateFunctionCommand,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda'
import { CreateQueueCommand } from '@aws-sdk/client-sqs'
import { clientsOf, type Clients } from '../model/place.ts'
import { STAGE, type Place } from '../model/set-request.ts'

const REGION = 'eu-central-1'
/** moto knows no keys and takes any. */
const CREDENTIALS = { accessKeyId: 'AKIAMOTO', secretAccessKey: 'any' }
/** The smallest archive there is. */
const EMPTY_ZIP = Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex')

/** Sets the stage of the request set on moto, over its API. */
export async function placeOnMoto(url: string): Promise<Place> {
  const clients = clientsOf({ endpoint: url, region: REGION, credentials: CREDENTIALS })
  const subnet = await firstId(url, 'DescribeSubnets', 'subnetId')
  const securityGroup = await firstId(url, 'DescribeSecurityGroups', 'groupId')
  const roleArn = await createRole(url)
  await setContainerStage(clients, roleArn)
  await setFunctionStage(clients, roleArn)
  await setLogStage(clients)
  const { QueueUrl = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: STAGE.queueName }))
  return { ...clients, subnet, securityGroup, roleArn, queueUrl: QueueUrl }
}

async function setContainerStage({ ecs, batch }: Clients, serviceRole: string): Promise<void> {
  await ecs.send(new CreateClusterCommand({ clusterName: STAGE.cluster }))
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: STAGE.family,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: STAGE.container, image: 'sh:latest', memory: 256, essential: true }],
    }),
  )
  const { computeEnvironmentArn } = await batch.send(
    new CreateComputeEnvironmentCommand({
      computeEnvironmentName: 'compute',
      type: 'UNMANAGED',
      state: 'ENABLED',
      serviceRole,
    }),
  )
  await batch.send(
    new CreateJobQueueCommand({
      jobQueueName: STAGE.jobQueue,
      state: 'ENABLED',
      priority: 1,
      computeEnvironmentOrder: [{ order: 1, computeEnvironment: computeEnvironmentArn }],
    }),
  )
  await batch.send(
    new RegisterJobDefinitionCommand({
      jobDefinitionName: STAGE.jobDefinition,
      type: 'container',
      containerProperties: {
        image: 'sh:latest',
        resourceRequirements: [
          { type: 'VCPU', value: '0.25' },
          { type: 'MEMORY', value: '512' },
        ],
      },
    }),
  )
}

async function setFunctionStage({ lambda }: Clients, roleArn: string): Promise<void> {
  const FunctionName = STAGE.functionName
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs20.x',
      Role: roleArn,
      Handler: 'index.handler',
      Code: { ZipFile: EMPTY_ZIP },
    }),
  )
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 5 }))
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 120,
    }),
  )
}

async function setLogStage({ logs }: Clients): Promise<void> {
  const { logGroup: logGroupName, logStream: logStreamName } = STAGE
  await logs.send(new CreateLogGroupCommand({ logGroupName }))
  await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }))
  const logEvents = [{ timestamp: Date.now(), message: 'hello' }]
  await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }))
}

/** moto has a network from the start. */
async function firstId(url: string, action: string, element: string): Promise<string> {
  const text = await query(url, 'ec2', { Action: action, Version: '2016-11-15' })
  return new RegExp(`<${element}>([^<]+)<`).exec(text)?.[1] ?? ''
}

async function createRole(url: string): Promise<string> {
  const text = await query(url, 'iam', {
    Action: 'CreateRole',
    Version: '2010-05-08',
    RoleName: 'launcher',
    AssumeRolePolicyDocument: JSON.stringify({
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    }),
  })
  return /<Arn>([^<]+)</.exec(text)?.[1] ?? ''
}

/** Services for which no client is installed: moto reads the service from the credential, and checks no signature. */
async function query(url: string, service: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIAMOTO/20260101/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=00`
  const answer = await fetch(url, { method: 'POST', headers: { authorization }, body: new URLSearchParams(parameters) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`moto's ${service} answered ${answer.status}: ${text}`)
  return text
}
