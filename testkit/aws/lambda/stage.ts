import type { PolicyDocument } from '../iam/policy.ts'

/** What a test sets up before it invokes: functions. */

/** A function: a module whose export is called with each event, in a process of its own. */
export interface FunctionSpec {
  readonly name: string
  /** Absolute path of the module. */
  readonly handlerPath: string
  /** The export to call; `handler` by default. */
  readonly handlerExport?: string
  /** Options of Node before the module, for example a loader. */
  readonly execArgv?: readonly string[]
  /** 3 s by default, at most 15 minutes. */
  readonly timeoutMs?: number
  readonly memoryMb?: number
  readonly env?: Readonly<Record<string, string>>
  /** What the function itself may do. Everything by default. */
  readonly policy?: PolicyDocument
  /** Versions and aliases beside $LATEST. */
  readonly qualifiers?: readonly string[]
  readonly reservedConcurrency?: number
  /** Settings of asynchronous invocation; AWS's defaults where there are none. */
  readonly eventInvoke?: EventInvokeSpec
  /** ARN of a queue that gets the bare event of what failed. */
  readonly deadLetterQueueArn?: string
  readonly state?: 'Active' | 'Inactive' | 'Pending' | 'Failed'
}

/** How events are retried, and where their ends are told. */
export interface EventInvokeSpec {
  readonly maximumRetryAttempts?: number
  readonly maximumEventAgeSeconds?: number
  /** ARNs of queues. */
  readonly onFailure?: string
  readonly onSuccess?: string
}

/** A function with its place. */
export interface LambdaFunction extends FunctionSpec {
  readonly arn: string
  readonly roleArn: string
  readonly definedAt: number
}
