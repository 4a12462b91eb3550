import type { DispatchId, ExecuteTask, TaskInstanceId, TaskInstanceRef } from '@fairlead/protocol'
import type { DispatchRow } from '../db/queries/dispatches.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import { logPathOf } from './log-path.ts'

/** Makes the launch ticket of one dispatch. */
export type MintTicket = (ref: TaskInstanceRef) => Promise<string>

/** The task instance of a dispatch, as executors see it. */
export function taskInstanceRefOf(row: DispatchRow): TaskInstanceRef {
  return {
    id: row.task_instance_id as TaskInstanceId,
    dispatchId: row.dispatch_id as DispatchId,
    dagId: row.dag_id,
    runId: row.run_id,
    taskId: row.task_id,
    mapIndex: row.map_index,
    tryNumber: row.try_number,
    priorityWeight: row.priority,
    queue: row.queue,
    externalId: row.external_id,
  }
}

/** The workload of a dispatch: identity, location and a ticket. What is for the executor alone stays apart. */
export async function workloadOf(
  row: DispatchRow,
  graph: VersionedGraph,
  mintTicket: MintTicket,
): Promise<{ workload: ExecuteTask; executorConfig: unknown }> {
  const task = graph.tasks[row.task_index]?.spec
  if (task === undefined) throw new Error(`Dag "${row.dag_id}" has no task at index ${row.task_index}.`)
  const taskInstance = taskInstanceRefOf(row)
  const workload: ExecuteTask = {
    type: 'ExecuteTask',
    taskInstance,
    bundle: { name: graph.bundleName, hash: graph.hash, file: graph.file },
    program: task.program,
    inputs: task.inputs,
    executionTimeoutMs: task.executionTimeoutMs,
    isolation: task.isolation ?? graph.spec.isolation ?? 'process',
    logPath: logPathOf(taskInstance),
    token: await mintTicket(taskInstance),
  }
  return { workload, executorConfig: task.executorConfig }
}
