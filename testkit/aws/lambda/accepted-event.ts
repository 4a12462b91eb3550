import type { Invocation, InvocationEnd } from './execution-environment.ts'
import type { LambdaFunction } from './stage.ts'

/** An event that was accepted, and how far it is. */
export interface AcceptedEvent extends Invocation {
  readonly definition: LambdaFunction
  readonly acceptedAt: number
  attempts: number
  last: InvocationEnd | null
  /** True once a test removed it: nothing is told of it any more. */
  isForgotten: boolean
}
