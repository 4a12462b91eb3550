import { isOver } from './job-status.ts'
import type { Attempt, BatchJob } from './job.ts'
import type { JobDefinition, JobQueue } from './stage.ts'

/** Batch's own words for what the double holds. */

type Shape = Readonly<Record<string, unknown>>

/** A job as DescribeJobs tells it. */
export function describeJob(job: BatchJob): Shape {
  const { facts, timeoutSeconds } = job
  const { input, definition, queue, dependencies } = facts
  return {
    jobArn: facts.arn,
    jobName: input.jobName,
    jobId: facts.id,
    jobQueue: queue.arn,
    jobDefinition: definition.arn,
    status: job.status,
    attempts: job.attempts.filter(({ stoppedAt }) => stoppedAt !== null).map(describeAttempt),
    createdAt: job.createdAt,
    retryStrategy: { evaluateOnExit: [], ...job.retryStrategy },
    dependsOn: dependencies.map(({ facts: { id } }) => ({ jobId: id })),
    parameters: { ...definition.parameters, ...input.parameters },
    container: describeContainer(job),
    tags: input.tags ?? {},
    propagateTags: input.propagateTags ?? false,
    platformCapabilities: [definition.platform ?? 'FARGATE'],
    eksAttempts: [],
    isCancelled: job.isCancelled,
    isTerminated: job.isTerminated,
    ...(job.startedAt === null ? {} : { startedAt: job.startedAt }),
    ...(job.stoppedAt === null ? {} : { stoppedAt: job.stoppedAt }),
    ...(job.statusReason === null ? {} : { statusReason: job.statusReason }),
    ...(timeoutSeconds === null ? {} : { timeout: { attemptDurationSeconds: timeoutSeconds } }),
    ...(input.shareIdentifier === undefined ? {} : { shareIdentifier: input.shareIdentifier }),
  }
}

/** A job as ListJobs tells it. */
export function summarizeJob(job: BatchJob): Shape {
  const { facts } = job
  const attempt = lastAttempt(job)
  return {
    jobArn: facts.arn,
    jobId: facts.id,
    jobName: facts.input.jobName,
    createdAt: job.createdAt,
    status: job.status,
    jobDefinition: facts.definition.arn,
    ...(job.startedAt === null ? {} : { startedAt: job.startedAt }),
    ...(job.stoppedAt === null ? {} : { stoppedAt: job.stoppedAt }),
    ...(job.statusReason === null ? {} : { statusReason: job.statusReason }),
    ...(attempt === null ? {} : { container: endOf(attempt) }),
  }
}

/** A queue as DescribeJobQueues tells it. */
export function describeQueue(queue: JobQueue): Shape {
  return {
    jobQueueName: queue.name,
    jobQueueArn: queue.arn,
    state: queue.state ?? 'ENABLED',
    status: queue.status ?? 'VALID',
    statusReason: queue.status === 'INVALID' ? 'Compute environment is INVALID' : 'JobQueue Healthy',
    priority: queue.priority ?? 1,
    computeEnvironmentOrder: [
      { order: 1, computeEnvironment: queue.arn.replace(/:job-queue\/.*$/, ':compute-environment/compute') },
    ],
    jobStateTimeLimitActions: [],
    tags: {},
  }
}

/** A job definition as DescribeJobDefinitions tells it. */
export function describeDefinition(definition: JobDefinition): Shape {
  const { retryStrategy, timeoutSeconds, type = 'container' } = definition
  return {
    jobDefinitionName: definition.name,
    jobDefinitionArn: definition.arn,
    revision: definition.revision,
    status: definition.status,
    type,
    parameters: definition.parameters ?? {},
    containerOrchestrationType: 'ECS',
    platformCapabilities: [definition.platform ?? 'FARGATE'],
    tags: {},
    ...(retryStrategy === undefined ? {} : { retryStrategy: { evaluateOnExit: [], ...retryStrategy } }),
    ...(timeoutSeconds === undefined ? {} : { timeout: { attemptDurationSeconds: timeoutSeconds } }),
    ...(type === 'multinode'
      ? { nodeProperties: { numNodes: 2, mainNode: 0, nodeRangeProperties: [{ targetNodes: '0:' }] } }
      : {
          containerProperties: {
            image: definition.image ?? 'fairlead/worker:latest',
            command: definition.command ?? [],
            environment: definition.environment ?? [],
            mountPoints: [],
            resourceRequirements: [
              { type: 'VCPU', value: '0.25' },
              { type: 'MEMORY', value: '512' },
            ],
            secrets: [],
            ulimits: [],
            volumes: [],
          },
        }),
  }
}

function describeContainer(job: BatchJob): Shape {
  const { input } = job.facts
  const attempt = lastAttempt(job) ?? job.attempts.at(-1) ?? null
  return {
    image: job.image,
    command: job.command,
    environment: Object.entries(job.environment).map(([name, value]) => ({ name, value })),
    mountPoints: [],
    networkInterfaces: [],
    resourceRequirements: input.containerOverrides?.resourceRequirements ?? [
      { type: 'VCPU', value: '0.25' },
      { type: 'MEMORY', value: '512' },
    ],
    secrets: [],
    ulimits: [],
    volumes: [],
    ...(attempt === null ? {} : { taskArn: attempt.taskArn, ...endOf(attempt) }),
    ...(attempt === null || attempt.startedAt === null ? {} : { logStreamName: attempt.logStreamName }),
  }
}

function describeAttempt(attempt: Attempt): Shape {
  const { startedAt, stoppedAt, statusReason } = attempt
  return {
    container: {
      taskArn: attempt.taskArn,
      networkInterfaces: [],
      ...endOf(attempt),
      ...(startedAt === null ? {} : { logStreamName: attempt.logStreamName }),
    },
    statusReason,
    ...(startedAt === null ? {} : { startedAt }),
    ...(stoppedAt === null ? {} : { stoppedAt }),
  }
}

function endOf({ exitCode, reason }: Attempt): Shape {
  return { ...(exitCode === null ? {} : { exitCode }), ...(reason === null ? {} : { reason }) }
}

/** The attempt whose end is the job's. */
function lastAttempt(job: BatchJob): Attempt | null {
  return isOver(job.status) ? (job.attempts.at(-1) ?? null) : null
}
