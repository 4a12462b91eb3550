import type { Task } from '@aws-sdk/client-ecs'
import { DISPATCH_VARIABLE } from './task-identity.ts'

/** The part of a task of ECS that says what became of it. */
export type EcsTask = Pick<
  Task,
  | 'taskArn'
  | 'clusterArn'
  | 'taskDefinitionArn'
  | 'lastStatus'
  | 'desiredStatus'
  | 'startedBy'
  | 'startedAt'
  | 'createdAt'
  | 'stoppedAt'
  | 'stopCode'
  | 'stoppedReason'
  | 'containers'
  | 'overrides'
  | 'version'
>

/**
 * The container that runs the worker: the one that was told the dispatch, or else the only one there is, or else the one
 * that is usually the worker's.
 */
export function workerContainer(
  task: EcsTask,
  usualName: string | null,
): NonNullable<EcsTask['containers']>[number] | undefined {
  const told = task.overrides?.containerOverrides?.find(({ environment = [] }) =>
    environment.some(({ name }) => name === DISPATCH_VARIABLE),
  )
  const containers = task.containers ?? []
  if (told !== undefined) return containers.find(({ name }) => name === told.name)
  return containers.length === 1 ? containers[0] : containers.find(({ name }) => name === usualName)
}

/** True when nothing of a task runs any more: ECS may still be tidying up behind it. */
export function isGone({ lastStatus, containers = [] }: EcsTask): boolean {
  if (lastStatus === 'STOPPED' || lastStatus === 'DELETED') return true
  const isStopping = lastStatus === 'DEACTIVATING' || lastStatus === 'STOPPING' || lastStatus === 'DEPROVISIONING'
  return isStopping && containers.length > 0 && containers.every((container) => container.lastStatus === 'STOPPED')
}
