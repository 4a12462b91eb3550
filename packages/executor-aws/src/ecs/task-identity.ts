import type { DispatchId, TaskInstanceRef } from '@fairlead/protocol'

/** Variable by which the worker's container is known among those of a task. */
export const DISPATCH_VARIABLE = 'FAIRLEAD__WORKER__DISPATCH_ID'

/** What every `startedBy` of an instance begins with. */
export function startedByPrefix(executorName: string): string {
  return `fairlead/${executorName.replaceAll(/[^\w-]/g, '_').slice(0, 80)}/`
}

/** `startedBy` of a task: whose it is, and for which hand-over. ECS lists tasks by it. */
export function startedBy(executorName: string, dispatchId: DispatchId): string {
  return startedByPrefix(executorName) + dispatchId
}

/** ECS starts one task for one token, however often it is asked. */
export function clientToken(dispatchId: DispatchId, request: number): string {
  return `${dispatchId}-${request}`
}

/** Tags for people and for bills. */
export function tagsOf(executorName: string, taskInstance: TaskInstanceRef): Readonly<Record<string, string>> {
  const { dagId, runId, taskId, tryNumber, dispatchId } = taskInstance
  const tags = {
    executor: executorName,
    dag: dagId,
    run: runId,
    task: taskId,
    try: String(tryNumber),
    dispatch: dispatchId,
  }
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`fairlead:${key}`, tagValue(value)]))
}

/** What an ARN says: `arn:aws:ecs:region:account:task/cluster/id`. Null for what is none. */
export function partsOfArn(arn: string): { readonly cluster: string | null; readonly taskId: string } | null {
  const match = /^arn:[^:]+:ecs:[^:]*:[^:]*:task\/(?:([^/]+)\/)?([^/]+)$/.exec(arn)
  const taskId = match?.[2]
  return taskId === undefined ? null : { cluster: match?.[1] ?? null, taskId }
}

/** The cluster that an ARN names, or else the one that ECS takes where none is named. */
export function clusterOfArn(arn: string): string {
  return partsOfArn(arn)?.cluster ?? 'default'
}

function tagValue(value: string): string {
  return value.replaceAll(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, '_').slice(0, 256)
}
