import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { ExecuteTask } from '@fairlead/protocol'
import { DoubleControl } from '../shared/double-control.ts'

interface Running {
  readonly id: string
  readonly event: { readonly dispatchId: string }
}

/**
 * Hooks for the conformance kit: what happens to invocations of Lambda behind the executor's back. There is no `vanish`:
 * of an invocation nothing can be seen that could be gone, and the deadline that stands for it is minutes away.
 */
export function hooksOf(environment: Readonly<Record<string, string | undefined>>): ConformanceHooks {
  const double = new DoubleControl(environment)
  const runningOf = async ({ taskInstance }: ExecuteTask): Promise<readonly Running[]> =>
    (await double.call<readonly Running[]>('lambda.running')).filter(
      ({ event }) => event.dispatchId === taskInstance.dispatchId,
    )
  return {
    // What ends at once detaches: nothing outside is stopped or told.
    crash: async (executor) => await executor.end(AbortSignal.abort(new Error('the server is gone'))),
    isAlive: async (workload) => (await runningOf(workload)).length > 0,
    kill: async (workload) => {
      for (const { id } of await runningOf(workload)) await double.call('lambda.kill', id)
    },
    outage: () => double.begin('*', { kind: 'cut' }),
    throttle: () => double.begin('lambda:*', { kind: 'throttle' }),
    exhaust: () => double.begin('lambda:Invoke', { kind: 'capacity' }),
    expireCredentials: () => double.begin('lambda:*', { kind: 'expiredCredentials' }),
    refuse: (text) =>
      double.begin('lambda:Invoke', { kind: 'error', code: 'InvalidRequestContentException', message: text }),
    loseAnswer: () => double.call('faults.next', 'lambda:Invoke', { kind: 'loseAnswer' }),
    // The event is seen by nobody but the function itself; its log is for everybody.
    describe: async () => JSON.stringify([await double.call('lambda.running'), await double.call('logs.everything')]),
  }
}
