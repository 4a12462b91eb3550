import { randomUUID } from 'node:crypto'
import {
  executeCallbackSchema,
  executeTaskSchema,
  type ExecuteCallback,
  type ExecuteTask,
  type TaskInstanceRef,
} from '@fairlead/protocol'

/** A task workload as core would hand it over; a test says only what it is about. */
export function taskWorkload(
  given: Partial<Omit<ExecuteTask, 'taskInstance'>> & { taskInstance?: Partial<TaskInstanceRef> } = {},
): ExecuteTask {
  return executeTaskSchema.parse({
    type: 'ExecuteTask',
    bundle: { name: 'dags', hash: 'h', file: 'sales.ts' },
    program: { kind: 'handler' },
    inputs: [],
    executionTimeoutMs: null,
    isolation: 'process',
    logPath: 'attempt=1.log',
    token: 'ticket',
    ...given,
    taskInstance: {
      id: randomUUID(),
      dispatchId: randomUUID(),
      dagId: 'sales',
      runId: 'manual__1',
      taskId: 'load',
      mapIndex: -1,
      tryNumber: 1,
      priorityWeight: 1,
      queue: 'default',
      externalId: null,
      ...given.taskInstance,
    },
  })
}

/** A callback workload as core would hand it over. */
export function callbackWorkload(given: Partial<ExecuteCallback> = {}): ExecuteCallback {
  return executeCallbackSchema.parse({
    type: 'ExecuteCallback',
    callbackId: randomUUID(),
    dispatchId: randomUUID(),
    bundle: { name: 'dags', hash: 'h', file: 'sales.ts' },
    priorityWeight: 1,
    queue: 'default',
    logPath: 'callback.log',
    token: 'ticket',
    ...given,
  })
}
