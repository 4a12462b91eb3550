import { dispatchIdSchema, taskInstanceIdSchema } from '@fairlead/protocol'
import type { Executor } from '@fairlead/executor'
import type { TaskInstanceRow } from '../db/queries/task-instance-reads.ts'

/** The log of a running try from its executor, which alone has it when its workers write elsewhere; null for most. */
export async function liveLogOf(
  executors: ReadonlyMap<string, Executor>,
  row: TaskInstanceRow,
): Promise<AsyncIterable<string> | null> {
  const executor = executors.get(row.executor)
  const id = taskInstanceIdSchema.safeParse(row.id)
  const dispatchId = dispatchIdSchema.safeParse(row.dispatch_id)
  if (executor === undefined || !id.success || !dispatchId.success) return null
  return executor.getTaskLog(
    {
      id: id.data,
      dispatchId: dispatchId.data,
      dagId: row.dag_id,
      runId: row.run_id,
      taskId: row.task_id,
      mapIndex: row.map_index,
      tryNumber: row.try_number,
      priorityWeight: row.priority_weight,
      queue: row.queue,
      externalId: row.external_id,
    },
    row.try_number,
  )
}
