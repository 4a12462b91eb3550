import type { TaskInstanceRow } from '../db/queries/task-instance-reads.ts'
import { dispatchIdSchema, taskInstanceIdSchema } from '@fairlead/protocol'
import type { Dispatcher } from '../dispatch/dispatcher.ts'

/** The log of a running try from its executor, which alone has it when its workers write elsewhere; null for most. */
export async function liveLogOf(dispatcher: Dispatcher, row: TaskInstanceRow): Promise<AsyncIterable<string> | null> {
  const managed = dispatcher.executors.get(row.executor)
  const id = taskInstanceIdSchema.safeParse(row.id)
  const dispatchId = dispatchIdSchema.safeParse(row.dispatch_id)
  if (managed === undefined || !id.success || !dispatchId.success) return null
  return managed.executor.getTaskLog(
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
