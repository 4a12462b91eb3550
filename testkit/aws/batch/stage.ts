import type { RetryStrategy } from './retry.ts'

/** What a test sets up before it submits jobs: queues and job definitions. */

/** A job queue. */
export interface JobQueueSpec {
  readonly name: string
  readonly state?: 'ENABLED' | 'DISABLED'
  /** INVALID where its compute environments are: jobs stay runnable for ever. */
  readonly status?: 'VALID' | 'INVALID'
  readonly priority?: number
  /** Jobs beyond this many wait as RUNNABLE. */
  readonly maxJobs?: number
}

/** A job definition. Each call with the same name is a further revision. */
export interface JobDefinitionSpec {
  readonly name: string
  /** Name of an image that the double knows; the worker of this repository by default. */
  readonly image?: string
  readonly command?: readonly string[]
  readonly environment?: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly retryStrategy?: RetryStrategy
  readonly timeoutSeconds?: number
  readonly parameters?: Readonly<Record<string, string>>
  readonly logGroup?: string
  readonly platform?: 'EC2' | 'FARGATE'
  readonly type?: 'container' | 'multinode'
}

/** A queue with its place. */
export interface JobQueue extends JobQueueSpec {
  readonly arn: string
  /** What its first runnable job says of why it waits; null while nothing keeps jobs back. */
  blockedBecause: string | null
}

/** A job definition with its place. */
export interface JobDefinition extends JobDefinitionSpec {
  readonly arn: string
  readonly revision: number
  status: 'ACTIVE' | 'INACTIVE'
}
