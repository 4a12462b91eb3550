import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { ExecuteTask } from '@fairlead/protocol'
import { DoubleControl } from '../shared/double-control.ts'

interface DescribedTask {
  readonly taskArn: string
  readonly lastStatus: string
  readonly startedBy?: string
}

/** Hooks for the conformance kit: what happens to tasks of ECS behind the executor's back. */
export function hooksOf(environment: Readonly<Record<string, string | undefined>>): ConformanceHooks {
  const double = new DoubleControl(environment)
  const described = () => double.call<readonly DescribedTask[]>('ecs.describeAll')
  const arnsOf = async ({ taskInstance }: ExecuteTask): Promise<readonly string[]> =>
    (await described())
      .filter(({ startedBy, lastStatus }) => startedBy?.endsWith(taskInstance.dispatchId) && lastStatus !== 'STOPPED')
      .map(({ taskArn }) => taskArn)
  const each = async (workload: ExecuteTask, call: string): Promise<void> => {
    for (const arn of await arnsOf(workload)) await double.call(call, arn)
  }
  return {
    // What ends at once detaches: nothing outside is stopped or told.
    crash: async (executor) => await executor.end(AbortSignal.abort(new Error('the server is gone'))),
    isAlive: async (workload) => {
      const pids = await Promise.all((await arnsOf(workload)).map((arn) => double.call<number[]>('ecs.pidsOf', arn)))
      return pids.flat().length > 0
    },
    kill: (workload) => each(workload, 'ecs.kill'),
    vanish: (workload) => each(workload, 'ecs.vanish'),
    outage: () => double.begin('*', { kind: 'cut' }),
    throttle: () => double.begin('ecs:*', { kind: 'throttle' }),
    exhaust: () => double.begin('ecs:RunTask', { kind: 'capacity' }),
    expireCredentials: () => double.begin('ecs:*', { kind: 'expiredCredentials' }),
    refuse: (text) => double.begin('ecs:RunTask', { kind: 'error', code: 'InvalidParameterException', message: text }),
    loseAnswer: () => double.call('faults.next', 'ecs:RunTask', { kind: 'loseAnswer' }),
    describe: async () => JSON.stringify([await described(), await double.call('logs.everything')]),
  }
}
