import * as Batch from '@aws-sdk/client-batch'
import * as Logs from '@aws-sdk/client-cloudwatch-logs'
import * as Ecs from '@aws-sdk/client-ecs'
import * as Lambda from '@aws-sdk/client-lambda'
import * as Sqs from '@aws-sdk/client-sqs'
import * as Sts from '@aws-sdk/client-sts'

/**
 * One set of requests, good and bad, that is sent to whatever speaks as AWS does. Each place sets its own stage; the requests
 * are the same.
 */

/** What the requests are about, and with what they are sent. */
export interface Place {
  readonly ecs: Ecs.ECSClient
  readonly batch: Batch.BatchClient
  readonly lambda: Lambda.LambdaClient
  readonly sqs: Sqs.SQSClient
  readonly logs: Logs.CloudWatchLogsClient
  readonly sts: Sts.STSClient
  readonly subnet: string
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

/** Every request, in the order in which they are sent. */
export function requestSet(): readonly SetRequest[] {
  return [
    ...ecsRequests(),
    ...batchRequests(),
    ...lambdaRequests(),
    ...sqsRequests(),
    ...logsRequests(),
    ...stsRequests(),
  ]
}

function ecsRequests(): readonly SetRequest[] {
  const { cluster, family, container } = STAGE
  const run = (place: Place, more: Partial<Ecs.RunTaskCommandInput> = {}): Promise<object> =>
    place.ecs.send(
      new Ecs.RunTaskCommand({
        cluster,
        taskDefinition: family,
        launchType: 'FARGATE',
        networkConfiguration: { awsvpcConfiguration: { subnets: [place.subnet] } },
        overrides: {
          containerOverrides: [{ name: container, command: ['sleep 60'], environment: [{ name: 'A', value: '1' }] }],
        },
        startedBy: 'fairlead/1',
        tags: [{ key: 'team', value: 'data' }],
        clientToken: 'token-1',
        ...more,
      }),
    )
  const taskOf = (earlier: Answers): string =>
    (earlier.get('run a task') as Ecs.RunTaskCommandOutput).tasks?.[0]?.taskArn ?? ''
  const describe = (place: Place, tasks: string[], more: object = {}): Promise<object> =>
    place.ecs.send(new Ecs.DescribeTasksCommand({ cluster, tasks, ...more }))
  return [
    {
      operation: 'ecs:DescribeClusters',
      title: 'describe a cluster, and one that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeClustersCommand({ clusters: [cluster, 'nowhere'] })),
    },
    {
      operation: 'ecs:DescribeTaskDefinition',
      title: 'describe a task definition',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeTaskDefinitionCommand({ taskDefinition: family })),
    },
    {
      operation: 'ecs:DescribeTaskDefinition',
      title: 'describe a task definition that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.DescribeTaskDefinitionCommand({ taskDefinition: 'nothing' })),
    },
    { operation: 'ecs:RunTask', title: 'run a task', send: (place) => run(place) },
    {
      operation: 'ecs:RunTask',
      title: 'use a token again for something else',
      send: (place) => run(place, { startedBy: 'fairlead/2' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'run in a cluster that is not there',
      send: (place) => run(place, { cluster: 'nowhere', clientToken: 'token-2' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'run a definition that is not there',
      send: (place) => run(place, { taskDefinition: 'nothing', clientToken: 'token-3' }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'override too much',
      send: (place) =>
        run(place, {
          overrides: { containerOverrides: [{ name: container, command: ['x'.repeat(8192)] }] },
          clientToken: 'token-4',
        }),
    },
    {
      operation: 'ecs:RunTask',
      title: 'override a container that is not there',
      send: (place) => run(place, { overrides: { containerOverrides: [{ name: 'other' }] }, clientToken: 'token-5' }),
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a running task with its tags',
      send: (place, earlier) => describe(place, [taskOf(earlier)], { include: ['TAGS'] }),
      until: (answer) => (answer as Ecs.DescribeTasksCommandOutput).tasks?.[0]?.lastStatus !== 'PROVISIONING',
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a task that is not there',
      send: (place) => describe(place, ['0'.repeat(32)]),
    },
    { operation: 'ecs:DescribeTasks', title: 'describe no tasks', send: (place) => describe(place, []) },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe 101 tasks',
      send: (place) =>
        describe(
          place,
          Array.from({ length: 101 }, (_, index) => String(index).padStart(32, '0')),
        ),
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list tasks by who started them',
      send: ({ ecs }) => ecs.send(new Ecs.ListTasksCommand({ cluster, startedBy: 'fairlead/1' })),
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list tasks of a cluster that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.ListTasksCommand({ cluster: 'nowhere' })),
    },
    {
      operation: 'ecs:StopTask',
      title: 'stop a task',
      send: ({ ecs }, earlier) =>
        ecs.send(new Ecs.StopTaskCommand({ cluster, task: taskOf(earlier), reason: 'enough' })),
    },
    {
      operation: 'ecs:StopTask',
      title: 'stop a task that is not there',
      send: ({ ecs }) => ecs.send(new Ecs.StopTaskCommand({ cluster, task: '0'.repeat(32) })),
    },
    {
      operation: 'ecs:DescribeTasks',
      title: 'describe a stopped task',
      send: (place, earlier) => describe(place, [taskOf(earlier)]),
      until: (answer) => (answer as Ecs.DescribeTasksCommandOutput).tasks?.[0]?.lastStatus === 'STOPPED',
    },
    {
      operation: 'ecs:ListTasks',
      title: 'list stopped tasks',
      send: ({ ecs }) =>
        ecs.send(new Ecs.ListTasksCommand({ cluster, startedBy: 'fairlead/1', desiredStatus: 'STOPPED' })),
    },
  ]
}

function batchRequests(): readonly SetRequest[] {
  const { jobQueue, jobDefinition } = STAGE
  const submit = (place: Place, more: Partial<Batch.SubmitJobCommandInput> = {}): Promise<object> =>
    place.batch.send(
      new Batch.SubmitJobCommand({
        jobName: 'job-1',
        jobQueue,
        jobDefinition,
        containerOverrides: { command: ['exit 0'], environment: [{ name: 'A', value: '1' }] },
        retryStrategy: { attempts: 1 },
        timeout: { attemptDurationSeconds: 60 },
        tags: { team: 'data' },
        ...more,
      }),
    )
  const jobOf = (earlier: Answers): string => (earlier.get('submit a job') as Batch.SubmitJobCommandOutput).jobId ?? ''
  const list = (place: Place, more: Batch.ListJobsCommandInput): Promise<object> =>
    place.batch.send(new Batch.ListJobsCommand(more))
  return [
    {
      operation: 'batch:DescribeJobQueues',
      title: 'describe a job queue, and one that is not there',
      send: ({ batch }) => batch.send(new Batch.DescribeJobQueuesCommand({ jobQueues: [jobQueue] })),
    },
    {
      operation: 'batch:DescribeJobDefinitions',
      title: 'describe a job definition',
      send: ({ batch }) =>
        batch.send(new Batch.DescribeJobDefinitionsCommand({ jobDefinitionName: jobDefinition, status: 'ACTIVE' })),
    },
    { operation: 'batch:SubmitJob', title: 'submit a job', send: (place) => submit(place) },
    {
      operation: 'batch:SubmitJob',
      title: 'submit a job with a bad name',
      send: (place) => submit(place, { jobName: '-' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit to a queue that is not there',
      send: (place) => submit(place, { jobQueue: 'nowhere' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit a definition that is not there',
      send: (place) => submit(place, { jobDefinition: 'nothing:1' }),
    },
    {
      operation: 'batch:SubmitJob',
      title: 'submit with a timeout that is too short',
      send: (place) => submit(place, { timeout: { attemptDurationSeconds: 5 } }),
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe a job that is done',
      send: ({ batch }, earlier) => batch.send(new Batch.DescribeJobsCommand({ jobs: [jobOf(earlier)] })),
      until: (answer) => (answer as Batch.DescribeJobsCommandOutput).jobs?.[0]?.status === 'SUCCEEDED',
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe a job that is not there',
      send: ({ batch }) => batch.send(new Batch.DescribeJobsCommand({ jobs: ['nothing'] })),
    },
    {
      operation: 'batch:DescribeJobs',
      title: 'describe 101 jobs',
      send: ({ batch }) =>
        batch.send(new Batch.DescribeJobsCommand({ jobs: Array.from({ length: 101 }, (_, index) => String(index)) })),
    },
    {
      operation: 'batch:ListJobs',
      title: 'list jobs that are done',
      send: (place) => list(place, { jobQueue, jobStatus: 'SUCCEEDED' }),
    },
    {
      operation: 'batch:ListJobs',
      title: 'list jobs by name',
      send: (place) => list(place, { jobQueue, filters: [{ name: 'JOB_NAME', values: ['job-1'] }] }),
    },
    { operation: 'batch:ListJobs', title: 'list jobs of no queue', send: (place) => list(place, {}) },
    {
      operation: 'batch:TerminateJob',
      title: 'terminate a job that is done',
      send: ({ batch }, earlier) =>
        batch.send(new Batch.TerminateJobCommand({ jobId: jobOf(earlier), reason: 'enough' })),
    },
    {
      operation: 'batch:CancelJob',
      title: 'cancel a job that is done',
      send: ({ batch }, earlier) => batch.send(new Batch.CancelJobCommand({ jobId: jobOf(earlier), reason: 'enough' })),
    },
  ]
}

function lambdaRequests(): readonly SetRequest[] {
  const { functionName: FunctionName } = STAGE
  const invoke = (place: Place, more: Partial<Lambda.InvokeCommandInput>): Promise<object> =>
    place.lambda.send(new Lambda.InvokeCommand({ FunctionName, Payload: '{"do":"echo","value":1}', ...more }))
  return [
    {
      operation: 'lambda:GetFunction',
      title: 'get a function',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunction',
      title: 'get a function that is not there',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionCommand({ FunctionName: 'nothing' })),
    },
    {
      operation: 'lambda:GetFunctionConfiguration',
      title: 'get the configuration of a function',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionConfigurationCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunctionEventInvokeConfig',
      title: 'get the settings of its events',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionEventInvokeConfigCommand({ FunctionName })),
    },
    {
      operation: 'lambda:GetFunctionConcurrency',
      title: 'get its reserved concurrency',
      send: ({ lambda }) => lambda.send(new Lambda.GetFunctionConcurrencyCommand({ FunctionName })),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke a function as an event',
      send: (place) => invoke(place, { InvocationType: 'Event' }),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke a function that is not there',
      send: (place) => invoke(place, { FunctionName: 'nothing', InvocationType: 'Event' }),
    },
    {
      operation: 'lambda:Invoke',
      title: 'invoke with an event that is too large',
      send: (place) => invoke(place, { InvocationType: 'Event', Payload: JSON.stringify('x'.repeat(1_048_576)) }),
    },
  ]
}

function sqsRequests(): readonly SetRequest[] {
  const { queueName } = STAGE
  const receiptOf = (earlier: Answers): string =>
    (earlier.get('receive a message') as Sqs.ReceiveMessageCommandOutput).Messages?.[0]?.ReceiptHandle ?? ''
  const receive = ({ sqs, queueUrl: QueueUrl }: Place, more: object = {}): Promise<object> =>
    sqs.send(
      new Sqs.ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 1,
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
        MessageAttributeNames: ['All'],
        ...more,
      }),
    )
  const remove = ({ sqs, queueUrl: QueueUrl }: Place, ReceiptHandle: string): Promise<object> =>
    sqs.send(new Sqs.DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return [
    { operation: 'sqs:ReceiveMessage', title: 'receive from an empty queue', send: (place) => receive(place) },
    {
      operation: 'sqs:SendMessage',
      title: 'send a message',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(
          new Sqs.SendMessageCommand({
            QueueUrl,
            MessageBody: '{"a":1}',
            MessageAttributes: { kind: { DataType: 'String', StringValue: 'task' } },
          }),
        ),
    },
    { operation: 'sqs:ReceiveMessage', title: 'receive a message', send: (place) => receive(place) },
    {
      operation: 'sqs:ReceiveMessage',
      title: 'receive eleven messages',
      send: (place) => receive(place, { MaxNumberOfMessages: 11 }),
    },
    {
      operation: 'sqs:ChangeMessageVisibility',
      title: 'hide a message for longer',
      send: ({ sqs, queueUrl: QueueUrl }, earlier) =>
        sqs.send(
          new Sqs.ChangeMessageVisibilityCommand({
            QueueUrl,
            ReceiptHandle: receiptOf(earlier),
            VisibilityTimeout: 60,
          }),
        ),
    },
    {
      operation: 'sqs:GetQueueAttributes',
      title: 'get the attributes of a queue',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(new Sqs.GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })),
    },
    {
      operation: 'sqs:DeleteMessage',
      title: 'delete a message',
      send: (place, earlier) => remove(place, receiptOf(earlier)),
    },
    {
      operation: 'sqs:DeleteMessage',
      title: 'delete by a receipt that is none',
      send: (place) => remove(place, 'nonsense'),
    },
    {
      operation: 'sqs:SendMessageBatch',
      title: 'send two messages',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(
          new Sqs.SendMessageBatchCommand({
            QueueUrl,
            Entries: [
              { Id: 'a', MessageBody: 'a' },
              { Id: 'b', MessageBody: 'b' },
            ],
          }),
        ),
    },
    {
      operation: 'sqs:DeleteMessageBatch',
      title: 'delete a batch by receipts that are none',
      send: ({ sqs, queueUrl: QueueUrl }) =>
        sqs.send(new Sqs.DeleteMessageBatchCommand({ QueueUrl, Entries: [{ Id: 'a', ReceiptHandle: 'nonsense' }] })),
    },
    {
      operation: 'sqs:GetQueueUrl',
      title: 'get the URL of a queue',
      send: ({ sqs }) => sqs.send(new Sqs.GetQueueUrlCommand({ QueueName: queueName })),
    },
    {
      operation: 'sqs:GetQueueUrl',
      title: 'get the URL of a queue that is not there',
      send: ({ sqs }) => sqs.send(new Sqs.GetQueueUrlCommand({ QueueName: 'nowhere' })),
    },
    {
      operation: 'sqs:ListQueues',
      title: 'list queues',
      send: ({ sqs }) => sqs.send(new Sqs.ListQueuesCommand({ QueueNamePrefix: queueName })),
    },
  ]
}

function logsRequests(): readonly SetRequest[] {
  const { logGroup: logGroupName, logStream: logStreamName } = STAGE
  const read = ({ logs }: Place, more: Partial<Logs.GetLogEventsCommandInput> = {}): Promise<object> =>
    logs.send(new Logs.GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, ...more }))
  return [
    { operation: 'logs:GetLogEvents', title: 'read a log stream', send: (place) => read(place) },
    {
      operation: 'logs:GetLogEvents',
      title: 'read on at the end of a log stream',
      send: (place, earlier) => {
        const { nextForwardToken } = earlier.get('read a log stream') as Logs.GetLogEventsCommandOutput
        return read(place, { nextToken: nextForwardToken })
      },
    },
    {
      operation: 'logs:GetLogEvents',
      title: 'read a log stream that is not there',
      send: (place) => read(place, { logStreamName: 'nothing' }),
    },
    {
      operation: 'logs:GetLogEvents',
      title: 'read a log group that is not there',
      send: (place) => read(place, { logGroupName: 'nothing' }),
    },
    {
      operation: 'logs:DescribeLogStreams',
      title: 'list log streams by prefix',
      send: ({ logs }) => logs.send(new Logs.DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: 'ecs/' })),
    },
  ]
}

function stsRequests(): readonly SetRequest[] {
  const assume = ({ sts, roleArn: RoleArn }: Place, more: object = {}): Promise<object> =>
    sts.send(new Sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'fairlead', DurationSeconds: 900, ...more }))
  return [
    {
      operation: 'sts:GetCallerIdentity',
      title: 'ask who one is',
      send: ({ sts }) => sts.send(new Sts.GetCallerIdentityCommand({})),
    },
    { operation: 'sts:AssumeRole', title: 'assume a role', send: (place) => assume(place) },
    {
      operation: 'sts:AssumeRole',
      title: 'assume a role for too short',
      send: (place) => assume(place, { DurationSeconds: 1 }),
    },
  ]
}
