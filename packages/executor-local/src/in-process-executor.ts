import { url as debuggerUrl } from 'node:inspector'
import type { ExecuteTask } from '@fairlead/protocol'
import { runInProcess, type RunInProcessOptions, type WorkloadRun } from '@fairlead/task-runner'
import { DebugExecutor, type BeginOptions } from './debug-executor.ts'

/**
 * The executor of `dag.test()`: calls the handlers of one Dag in this very process, one at a time. Shell tasks run as the
 * DebugExecutor's do. While a debugger can attach, handlers have no timeout.
 */
export function inProcessExecutor({ dag, logOf }: InProcessDag): typeof DebugExecutor {
  return class InProcessExecutor extends DebugExecutor {
    protected override begin(workload: ExecuteTask, options: BeginOptions): WorkloadRun {
      if (workload.program.kind === 'shell') return super.begin(workload, options)
      return runInProcess(workload, {
        ...options,
        apiUrl: this.host.apiUrl,
        dag,
        log: logOf(workload.taskInstance.taskId),
        hasTimeout: debuggerUrl() === undefined,
      })
    }
  }
}

/** A Dag whose handlers are in this process. */
export interface InProcessDag extends Pick<RunInProcessOptions, 'dag'> {
  /** Where a task's `getContext().log` writes. */
  logOf(taskId: string): RunInProcessOptions['log']
}
