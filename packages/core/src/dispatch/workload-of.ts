import type { DagSpec, DispatchId, ExecuteTask, TaskInstanceId, TaskInstanceRef, TaskSpec } from '@fairlead/protocol'
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

/** What a dispatch's workload says that neither its row nor its Dag does. */
export interface WorkloadContext {
  readonly mintTicket: MintTicket
  /** Of the executor that gets it. */
  readonly sentryIntegration: string | null
}

/** The workload of a dispatch: identity, location and a ticket. What is for the executor alone stays apart. */
export async function workloadOf(
  row: DispatchRow,
  graph: VersionedGraph,
  { mintTicket, sentryIntegration }: WorkloadContext,
): Promise<{ workload: ExecuteTask; executorConfig: unknown }> {
  const task = graph.tasks[row.task_index]?.spec
  if (task === undefined) throw new Error(`Dag "${row.dag_id}" has no task at index ${row.task_index}.`)
  const taskInstance = taskInstanceRefOf(row)
  const token = await mintTicket(taskInstance)
  const workload = taskWorkload({ dag: graph.spec, task, place: graph, taskInstance, token, sentryIntegration })
  return { workload, executorConfig: task.executorConfig }
}

/** What a workload is made of. */
export interface WorkloadParts {
  readonly dag: DagSpec
  readonly task: TaskSpec
  readonly place: Pick<VersionedGraph, 'bundleName' | 'hash' | 'file'>
  readonly taskInstance: TaskInstanceRef
  readonly token: string
  readonly sentryIntegration: string | null
}

/** The document that an executor passes on. */
export function taskWorkload({ dag, task, place, taskInstance, ...given }: WorkloadParts): ExecuteTask {
  return {
    type: 'ExecuteTask',
    taskInstance,
    bundle: { name: place.bundleName, hash: place.hash, file: place.file },
    program: task.program,
    inputs: task.inputs,
    executionTimeoutMs: task.executionTimeoutMs,
    isolation: task.isolation ?? dag.isolation ?? 'process',
    logPath: logPathOf(taskInstance),
    ...given,
  }
}
