import { randomUUID } from 'node:crypto'
import { executeTaskSchema, type ExecuteTask } from '@fairlead/protocol'

/** A workload of task `taskId` of Dag "demo", with a fresh identity. */
export function taskWorkload(taskId: string, changes: Partial<ExecuteTask> = {}): ExecuteTask {
  const id = randomUUID()
  return executeTaskSchema.parse({
    type: 'ExecuteTask',
    taskInstance: {
      id,
      dispatchId: randomUUID(),
      dagId: 'demo',
      runId: 'manual__1',
      taskId,
      mapIndex: -1,
      tryNumber: 1,
      priorityWeight: 1,
      queue: 'default',
      externalId: null,
    },
    bundle: { name: 'dags', hash: 'demo', file: 'demo.ts' },
    program: { kind: 'handler' },
    inputs: [],
    executionTimeoutMs: null,
    isolation: 'process',
    logPath: `${id}.log`,
    token: 'ticket',
    ...changes,
  })
}

/** A workload that runs a shell command. */
export function shellWorkload(command: string, changes: Partial<ExecuteTask> = {}): ExecuteTask {
  const program = { kind: 'shell', command, env: {}, cwd: null, skipOnExitCode: 99 } as const
  return taskWorkload('command', { program, ...changes })
}
