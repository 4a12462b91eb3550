import { resolve } from 'node:path'
import type { ExecuteTask } from '@fairlead/protocol'
import { ExecutionApiClient } from './execution-api-client.ts'
import { LogWriter } from './log-writer.ts'
import { superviseWorkload, type SupervisionOptions, type WorkloadRun } from './supervise-workload.ts'

/** Runs one workload under a supervisor in this process, in a fresh child. Its processes die with this one. */
export function runWorkload(workload: ExecuteTask, options: RunWorkloadOptions): WorkloadRun {
  const api = new ExecutionApiClient(options.apiUrl)
  const run = superviseWorkload(workload, {
    ...options,
    session: api.session(workload.taskInstance.id, workload.token),
    log: new LogWriter(resolve(options.logFolder, workload.logPath)),
  })
  return { done: run.done.finally(() => api.close()), interrupt: (death) => run.interrupt(death) }
}

/** See {@link runWorkload}. */
export interface RunWorkloadOptions extends SupervisionOptions {
  readonly apiUrl: string
  readonly logFolder: string
}
