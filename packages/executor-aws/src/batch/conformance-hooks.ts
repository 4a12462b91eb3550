import type { ConformanceHooks } from '@fairlead/executor/conformance'
import type { ExecuteTask } from '@fairlead/protocol'
import { DoubleControl } from '../shared/double-control.ts'

interface DescribedJob {
  readonly jobId: string
  readonly jobName: string
  readonly status: string
}

/** Hooks for the conformance kit: what happens to jobs of Batch behind the executor's back. */
export function hooksOf(environment: Readonly<Record<string, string | undefined>>): ConformanceHooks {
  const double = new DoubleControl(environment)
  const described = () => double.call<readonly DescribedJob[]>('batch.describeAll')
  const idsOf = async ({ taskInstance }: ExecuteTask): Promise<readonly string[]> =>
    (await described())
      .filter(({ jobName, status }) => jobName.endsWith(taskInstance.dispatchId) && !ENDED.has(status))
      .map(({ jobId }) => jobId)
  const each = async (workload: ExecuteTask, call: string): Promise<void> => {
    for (const id of await idsOf(workload)) await double.call(call, id)
  }
  return {
    // What ends at once detaches: nothing outside is stopped or told.
    crash: async (executor) => await executor.end(AbortSignal.abort(new Error('the server is gone'))),
    isAlive: async (workload) => {
      const pids = await Promise.all((await idsOf(workload)).map((id) => double.call<number | null>('batch.pidOf', id)))
      return pids.some((pid) => pid !== null)
    },
    kill: (workload) => each(workload, 'batch.kill'),
    vanish: (workload) => each(workload, 'batch.vanish'),
    outage: () => double.begin('*', { kind: 'cut' }),
    throttle: () => double.begin('batch:*', { kind: 'throttle' }),
    exhaust: () => double.begin('batch:SubmitJob', { kind: 'error', code: 'LimitExceededException', message: QUOTA }),
    expireCredentials: () => double.begin('batch:*', { kind: 'expiredCredentials' }),
    refuse: (text) => double.begin('batch:SubmitJob', { kind: 'error', code: 'ClientException', message: text }),
    loseAnswer: () => double.call('faults.next', 'batch:SubmitJob', { kind: 'loseAnswer' }),
    describe: async () => JSON.stringify([await described(), await double.call('logs.everything')]),
  }
}

const ENDED = new Set(['SUCCEEDED', 'FAILED'])
const QUOTA = 'The number of jobs in this account is at its limit.'
