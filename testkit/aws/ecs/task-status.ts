/** The life of a task, as data: where it goes next, by where it is and where it should end up. */

/** What ECS says of where a task is. */
export type TaskStatus =
  | 'PROVISIONING'
  | 'PENDING'
  | 'ACTIVATING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED'

/** Where it should be. ECS never wants a task to be pending. */
export type DesiredStatus = 'RUNNING' | 'STOPPED'

/** Why it stopped. */
export type StopCode =
  | 'TaskFailedToStart'
  | 'EssentialContainerExited'
  | 'UserInitiated'
  | 'SpotInterruption'
  | 'TerminationNotice'

const NEXT: Readonly<Record<DesiredStatus, Readonly<Partial<Record<TaskStatus, TaskStatus>>>>> = {
  RUNNING: { PROVISIONING: 'PENDING', PENDING: 'ACTIVATING', ACTIVATING: 'RUNNING' },
  // A task that never ran has nothing to deactivate and nothing to stop, but for its network interface.
  STOPPED: {
    PROVISIONING: 'DEPROVISIONING',
    PENDING: 'DEPROVISIONING',
    ACTIVATING: 'DEACTIVATING',
    RUNNING: 'DEACTIVATING',
    DEACTIVATING: 'STOPPING',
    STOPPING: 'DEPROVISIONING',
    DEPROVISIONING: 'STOPPED',
  },
}

/** The next status, or null where it stays: running as it should, or stopped. */
export function nextStatus(status: TaskStatus, desired: DesiredStatus): TaskStatus | null {
  return NEXT[desired][status] ?? null
}
