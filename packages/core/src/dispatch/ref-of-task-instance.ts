import { dispatchIdSchema, taskInstanceIdSchema, type TaskInstanceRef } from '@fairlead/protocol'
import type { TaskInstanceRow } from '../db/queries/task-instance-reads.ts'

/** A task instance as its executor knows it, or null when it was never handed to one. */
export function refOfTaskInstance(row: TaskInstanceRow): TaskInstanceRef | null {
  const id = taskInstanceIdSchema.safeParse(row.id)
  const dispatchId = dispatchIdSchema.safeParse(row.dispatch_id)
  if (!id.success || !dispatchId.success) return null
  return {
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
  }
}
