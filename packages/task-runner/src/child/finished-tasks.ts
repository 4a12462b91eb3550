import type { Breadcrumbs } from '@fairlead/protocol'
import type { TaskStart } from '../ipc.ts'
import type { HostLink } from './host-link.ts'

/** The task instances of this run that have ended, as breadcrumbs (Airflow's category and fields). */
export async function finishedTasks(task: TaskStart, host: HostLink): Promise<ReadonlyArray<Record<string, unknown>>> {
  const reply = await host.ask((id) => ({ kind: 'breadcrumbs', id }))
  if (reply.kind !== 'found') return []
  const { breadcrumbs } = reply.value as Breadcrumbs
  return breadcrumbs
    .filter(({ task_id: taskId, map_index: mapIndex }) => taskId !== task.taskId || mapIndex !== task.mapIndex)
    .map((data) => ({ category: 'completed_tasks', level: 'info', data }))
}
