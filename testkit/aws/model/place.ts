import { BatchClient } from '@aws-sdk/client-batch'
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import { ECSClient } from '@aws-sdk/client-ecs'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { SQSClient } from '@aws-sdk/client-sqs'
import { STSClient } from '@aws-sdk/client-sts'
import { fileURLToPath } from 'node:url'
import type { AwsDouble, ClientSettings } from '../aws-double.ts'
import { STAGE, type Place } from './set-request.ts'

/** A client of each service for one address. */
export type Clients = Pick<Place, 'ecs' | 'batch' | 'lambda' | 'sqs' | 'logs' | 'sts'>

/** Clients that send each request once. */
export function clientsOf(settings: ClientSettings): Clients {
  const once = { ...settings, maxAttempts: 1 }
  return {
    ecs: new ECSClient(once),
    batch: new BatchClient(once),
    lambda: new LambdaClient(once),
    sqs: new SQSClient(once),
    logs: new CloudWatchLogsClient(once),
    sts: new STSClient(once),
  }
}

/** Closes their connections. */
export function destroy(clients: Clients): void {
  for (const client of [clients.ecs, clients.batch, clients.lambda, clients.sqs, clients.logs, clients.sts])
    client.destroy()
}

/** Sets the stage of the request set on the double. */
export function placeOnDouble(double: AwsDouble): Place {
  const { ecs, batch, lambda, sqs, logs, iam } = double
  ecs.defineCluster({ name: STAGE.cluster })
  ecs.defineTaskDefinition({
    family: STAGE.family,
    cpu: '256',
    memory: '512',
    containers: [{ name: STAGE.container, image: 'sh:latest', memory: 256, essential: true }],
  })
  batch.defineQueue({ name: STAGE.jobQueue })
  batch.defineJobDefinition({ name: STAGE.jobDefinition, image: 'sh:latest', platform: 'EC2' })
  lambda.defineFunction({
    name: STAGE.functionName,
    handlerPath: fileURLToPath(new URL('../lambda/handlers.test-fixture.mjs', import.meta.url)),
    reservedConcurrency: 5,
    eventInvoke: { maximumRetryAttempts: 0, maximumEventAgeSeconds: 120 },
  })
  logs.append(STAGE.logGroup, STAGE.logStream, 'hello')
  return {
    ...clientsOf(double.client),
    subnet: 'subnet-1',
    securityGroup: 'sg-1',
    roleArn: iam.createRole({ name: 'launcher' }),
    queueUrl: sqs.createQueue(STAGE.queueName),
  }
}
