import type { Workload } from '@fairlead/protocol'
import type { ExecutorCapabilities } from './capabilities.ts'
import type { Executor } from './executor.ts'
import { ExecutorError } from './executor-error.ts'

/** Throws for a workload of a type that the executor's class does not support. */
export function refuseUnsupported(executor: Executor, workload: Workload): void {
  if (workload.type === 'ExecuteTask') return
  if (workload.type === 'ExecuteCallback' && factsOf(executor).supportsCallbacks === true) return
  const type: string = workload.type
  throw new ExecutorError(
    'EXECUTOR_WORKLOAD_UNSUPPORTED',
    `Executor "${executor.name}" (${executor.constructor.name}) does not run workloads of type ${type}. Choose an executor that does.`,
  )
}

/** Throws for a workload that is larger than the executor's class can pass on. */
export function refuseTooLarge(executor: Executor, workload: Workload): void {
  const { maxPayloadBytes = null } = factsOf(executor)
  if (maxPayloadBytes === null) return
  const bytes = new TextEncoder().encode(JSON.stringify(workload)).length
  if (bytes <= maxPayloadBytes) return
  throw new ExecutorError(
    'EXECUTOR_WORKLOAD_TOO_LARGE',
    `The workload is ${bytes} bytes of JSON, and executor "${executor.name}" passes on ${maxPayloadBytes} at most. ` +
      'Move what is large out of the command, its environment or its inputs, or choose another executor.',
  )
}

// Read one by one: this is done for each workload.
function factsOf(executor: Executor): Partial<ExecutorCapabilities> {
  return executor.constructor as Partial<ExecutorCapabilities>
}
