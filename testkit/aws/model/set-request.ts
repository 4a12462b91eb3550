import type { BatchClient } from '@aws-sdk/client-batch'
import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs'
import type { ECSClient } from '@aws-sdk/client-ecs'
import type { LambdaClient } from '@aws-sdk/client-lambda'
import type { SQSClient } from '@aws-sdk/client-sqs'
import type { STSClient } from '@aws-sdk/client-sts'

/** What the requests are about, and with what they are sent. */
export interface Place {
  readonly ecs: ECSClient
  readonly batch: BatchClient
  readonly lambda: LambdaClient
  readonly sqs: SQSClient
  readonly logs: CloudWatchLogsClient
  readonly sts: STSClient
  readonly subnet: string
  readonly securityGroup: string
  readonly roleArn: string
  readonly queueUrl: string
}

/** Names that every stage has. */
export const STAGE = {
  cluster: 'jobs',
  family: 'worker',
  container: 'main',
  jobQueue: 'jobs',
  jobDefinition: 'worker',
  functionName: 'worker',
  queueName: 'results',
  logGroup: '/ecs/worker',
  logStream: 'ecs/main/1',
} as const

/** One request. */
export interface SetRequest {
  readonly operation: string
  readonly title: string
  /** What earlier requests answered, by title, is at hand. */
  send(place: Place, earlier: Answers): Promise<object>
  /** Sent again until its answer is so: what takes time takes it differently everywhere. */
  readonly until?: (answer: object) => boolean
}

/** Answers by the title of their request. */
export type Answers = ReadonlyMap<string, object>
