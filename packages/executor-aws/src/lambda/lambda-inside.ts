import type { Executor } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'
import type { Invocation } from './invocation-rows.ts'
import type { FunctionTarget } from './lambda-api.ts'
import type { HealthItem } from './lambda-health.ts'

/** What commands and views use of an executor, which need not have been started. */
export interface LambdaInside {
  readonly name: string
  /** Whether functions can be invoked as they must be, and their ends be heard of. */
  checkHealth(signal: AbortSignal): Promise<readonly HealthItem[]>
  /** Invocations whose end is not recorded, by dispatch id. */
  invocations(): Promise<ReadonlyMap<string, Invocation>>
  /** The function that a queue's tasks run in, unless one of them says otherwise. */
  targetFor(queue: string): FunctionTarget
  invocationOf(dispatchId: DispatchId): Promise<Invocation | null>
  describe(
    target: FunctionTarget,
    signal: AbortSignal,
  ): Promise<{ readonly logGroup: string; readonly functionArn: string }>
}

/** Looks into an executor of this package; throws for any other. */
export type LookInside = (executor: Executor) => LambdaInside
