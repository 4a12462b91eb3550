import type { ExecutorView } from '@fairlead/executor'
import type { TaskInstanceRef } from '@fairlead/protocol'
import type { BatchInside, LookInside } from './batch-inside.ts'
import { lastContainerOf, type BatchContainer, type BatchJob } from './batch-job.ts'

/** What a job shows of itself on the page of its task instance. */
export interface JobFacts {
  readonly jobId: string
  readonly jobArn: string | null
  readonly link: string | null
  readonly status: string
  readonly statusReason: string | null
  readonly exitCode: number | null
  readonly jobQueue: string | null
  readonly jobDefinition: string | null
  readonly logStream: string | null
  readonly createdAt: string | null
  readonly startedAt: string | null
  readonly stoppedAt: string | null
  /** What the container was started with, less what only a worker may see. */
  readonly request: {
    readonly image: string | null
    readonly command: readonly string[]
    readonly environment: readonly string[]
    readonly resources: readonly string[]
  }
}

/** What the executor shows of itself. */
export function batchViews(lookInside: LookInside): readonly ExecutorView[] {
  return [
    {
      kind: 'taskInstance',
      id: 'job',
      title: 'AWS Batch job',
      schema: { type: ['object', 'null'], properties: PROPERTIES },
      data: ({ executor, taskInstance, signal }) => jobFacts(lookInside(executor), taskInstance, signal),
    },
  ]
}

const PROPERTIES = {
  jobId: text('Job'),
  jobArn: text('ARN'),
  link: { ...text('In the console'), format: 'uri' },
  status: text('Status'),
  statusReason: text('Reason'),
  exitCode: { title: 'Exit code', type: ['integer', 'null'] },
  jobQueue: text('Job queue'),
  jobDefinition: text('Job definition'),
  logStream: text('Log stream'),
  createdAt: text('Submitted'),
  startedAt: text('Started'),
  stoppedAt: text('Ended'),
  request: {
    title: 'Effective request',
    type: 'object',
    properties: {
      image: text('Image'),
      command: { title: 'Command', type: 'array', items: { type: 'string' } },
      environment: { title: 'Names in the environment', type: 'array', items: { type: 'string' } },
      resources: { title: 'Resources', type: 'array', items: { type: 'string' } },
    },
  },
} as const

async function jobFacts(
  inside: BatchInside,
  taskInstance: TaskInstanceRef,
  signal: AbortSignal,
): Promise<JobFacts | null> {
  const jobId = await inside.locate(taskInstance, signal)
  if (jobId === null) return null
  const job = (await inside.api.describe([jobId], signal)).get(jobId)
  return job === undefined ? null : factsOfJob(job)
}

/** A job in words for people. Values of the environment stay out: one of them is the launch ticket. */
export function factsOfJob(job: BatchJob): JobFacts {
  const container = lastContainerOf(job)
  const textOr = (value: string | undefined): string | null => value ?? null
  return {
    jobId: job.jobId,
    jobArn: textOr(job.jobArn),
    link: consoleLink(job),
    status: job.status,
    statusReason: textOr(job.statusReason ?? container.reason),
    exitCode: container.exitCode ?? null,
    jobQueue: textOr(job.jobQueue),
    jobDefinition: textOr(job.jobDefinition),
    logStream: textOr(container.logStreamName),
    createdAt: isoOf(job.createdAt),
    startedAt: isoOf(job.startedAt),
    stoppedAt: isoOf(job.stoppedAt),
    request: requestOf(container),
  }
}

function requestOf(container: BatchContainer): JobFacts['request'] {
  return {
    image: container.image ?? null,
    command: container.command ?? [],
    environment: (container.environment ?? []).flatMap(({ name }) => (name === undefined ? [] : [name])),
    resources: (container.resourceRequirements ?? []).map(({ type = '?', value = '?' }) => `${type} ${value}`),
  }
}

/** Address of a job in the console of AWS, by the region in its ARN. */
function consoleLink({ jobArn, jobId }: BatchJob): string | null {
  const [, partition, , region] = jobArn?.split(':') ?? []
  if (partition !== 'aws' || region === undefined || region === '') return null
  return `https://${region}.console.aws.amazon.com/batch/home?region=${region}#jobs/detail/${jobId}`
}

function isoOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

function text(title: string): { readonly title: string; readonly type: readonly string[] } {
  return { title, type: ['string', 'null'] }
}
