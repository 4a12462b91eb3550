import type { LogStream } from '../shared/container-logs.ts'

/** AWS Batch's view of one job: the part of it that is read here. */
export interface BatchJob {
  readonly jobId: string
  readonly jobName: string
  readonly status: string
  readonly statusReason?: string | undefined
  /** Milliseconds; absent while the job never was RUNNING. */
  readonly startedAt?: number | undefined
  readonly createdAt?: number | undefined
  readonly stoppedAt?: number | undefined
  readonly isCancelled?: boolean | undefined
  readonly isTerminated?: boolean | undefined
  readonly jobArn?: string | undefined
  readonly jobQueue?: string | undefined
  readonly jobDefinition?: string | undefined
  readonly timeout?: { readonly attemptDurationSeconds?: number | undefined } | undefined
  readonly container?: BatchContainer | undefined
  readonly attempts?: ReadonlyArray<{ readonly container?: BatchContainer | undefined }> | undefined
}

/** The container of a job, or of one attempt of it. */
export interface BatchContainer {
  readonly exitCode?: number | undefined
  readonly reason?: string | undefined
  readonly logStreamName?: string | undefined
  readonly logConfiguration?: BatchLogConfiguration | undefined
  readonly environment?: ReadonlyArray<{ readonly name?: string | undefined; readonly value?: string | undefined }>
  readonly resourceRequirements?: ReadonlyArray<{
    readonly type?: string | undefined
    readonly value?: string | undefined
  }>
  readonly command?: readonly string[]
  readonly image?: string | undefined
}

/** Where a container's output goes. */
export interface BatchLogConfiguration {
  readonly logDriver?: string | undefined
  readonly options?: Readonly<Record<string, string>> | undefined
}

/** States that a job never leaves. */
export function hasJobEnded({ status }: Pick<BatchJob, 'status'>): boolean {
  return status === 'SUCCEEDED' || status === 'FAILED'
}

/** States before a job has a place to run: it can be cancelled. Afterwards it must be terminated. */
export function isJobWaiting({ status }: Pick<BatchJob, 'status'>): boolean {
  return status === 'SUBMITTED' || status === 'PENDING' || status === 'RUNNABLE'
}

/** The container that ran last: a job's own, or that of its last attempt where the job says nothing. */
export function lastContainerOf(job: BatchJob): BatchContainer {
  return { ...job.attempts?.at(-1)?.container, ...definedOf(job.container) }
}

/** Where the output of a job's container is in CloudWatch Logs, or null. */
export function logPlaceOf(job: BatchJob, usualGroup: string): LogStream | null {
  const { logStreamName, logConfiguration } = lastContainerOf(job)
  const { logDriver = 'awslogs', options = {} } = logConfiguration ?? {}
  if (logStreamName === undefined || logDriver !== 'awslogs') return null
  return {
    group: options['awslogs-group'] ?? usualGroup,
    stream: logStreamName,
    region: options['awslogs-region'] ?? null,
  }
}

function definedOf(container: BatchContainer | undefined): BatchContainer {
  return Object.fromEntries(Object.entries(container ?? {}).filter(([, value]) => value !== undefined))
}
