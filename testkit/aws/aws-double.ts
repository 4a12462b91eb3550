import type { BatchDouble } from './batch/batch-double.ts'
import type { CallCounts } from './call-counts.ts'
import type { Images } from './containers/images.ts'
import type { DoubleClock } from './double-clock.ts'
import type { EcsDouble } from './ecs/ecs-double.ts'
import type { StateChangeRules } from './events/state-change-rules.ts'
import type { Faults } from './faults.ts'
import type { Credentials, Identities } from './iam/identities.ts'
import type { LambdaDouble } from './lambda/lambda-double.ts'
import type { LogStore } from './logs/log-store.ts'
import type { RateLimits } from './rate-limits.ts'
import type { SqsDouble } from './sqs/sqs-double.ts'

/**
 * AWS as the executors see it, on one port of loopback: the real SDK talks to it over HTTP, and workloads run as real
 * processes. It behaves as AWS documents, and misbehaves as a test orders.
 */
export interface AwsDouble {
  readonly url: string
  readonly region: string
  /** What a client of the SDK is made with, signing as one who may do everything. */
  readonly client: ClientSettings
  /** The same as environment of a process whose SDK is to talk to the double. */
  readonly environment: Readonly<Record<string, string>>
  readonly ecs: EcsDouble
  readonly batch: BatchDouble
  readonly lambda: LambdaDouble
  readonly sqs: SqsDouble
  readonly logs: LogStore
  /** Rules of EventBridge that deliver changes of tasks to queues. */
  readonly events: StateChangeRules
  /** Users, roles and their policies. */
  readonly iam: Identities
  /** What containers can be made from. */
  readonly images: Images
  readonly faults: Faults
  /** How often an operation may be called before it is throttled. */
  readonly rateLimits: RateLimits
  readonly calls: CallCounts
  readonly clock: DoubleClock
  /** Every operation that it knows, as `ecs:RunTask`. */
  operations(): readonly string[]
  /** Settings of a client that signs with other credentials. */
  clientOf(credentials: Credentials): ClientSettings
  /** Ends every process and every connection. */
  close(): Promise<void>
}

/** Settings that each client of the SDK takes. */
export interface ClientSettings {
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
}
