import type { AwsError } from './aws-error.ts'
import type { Caller } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'

/** Services of the double, named as IAM names them. */
export type ServiceName = 'ecs' | 'batch' | 'lambda' | 'sqs' | 'logs' | 'sts'

/** How a service speaks. */
export type Protocol = 'json-1.0' | 'json-1.1' | 'rest-json' | 'query'

/** One request, taken from the wire but not yet believed. */
export interface ServiceCall {
  readonly operation: string
  readonly input: unknown
  readonly caller: Caller
  /** True when a test ordered that there be no capacity, with the reasons it gave. */
  readonly noCapacity: readonly string[] | null
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

/** What goes back: the output of the operation, or bytes as they are (the payload of a function). */
export type ServiceAnswer =
  | { readonly kind: 'output'; readonly output: Readonly<Record<string, unknown>>; readonly status?: number }
  | {
      readonly kind: 'bytes'
      readonly bytes: Buffer
      readonly status: number
      readonly headers: Readonly<Record<string, string>>
    }

/** An operation: what it needs of the caller's policy, and what it does. */
export interface Operation {
  needs(call: ServiceCall): readonly Need[]
  run(call: ServiceCall): ServiceAnswer | Promise<ServiceAnswer>
}

/** One service: its operations by name, and how it says what every service says. */
export interface Service {
  readonly name: ServiceName
  readonly protocol: Protocol
  readonly operations: Readonly<Record<string, Operation>>
  /** The error for too many requests. */
  throttled(operation: string): AwsError
  /** The error for a broken service. */
  broken(status: number): AwsError
}
