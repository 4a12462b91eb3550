import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import type { TaskInstanceRef } from '@fairlead/protocol'
import type { EcsApi } from './ecs-api.ts'
import { isGone, workerContainer, type EcsTask } from './ecs-task.ts'
import { effectiveOptions } from './effective-options.ts'
import type { EcsSettings } from './settings.ts'
import type { TaskFinder } from './task-finder.ts'
import { partsOfArn } from './task-identity.ts'
import type { ContainerLogs, LogStream } from '../shared/container-logs.ts'

/** What finding a log takes. */
export interface LogOfTaskParts {
  readonly settings: EcsSettings
  readonly api: EcsApi
  readonly finder: TaskFinder
  readonly logs: ContainerLogs
  clustersOf(taskInstance: TaskInstanceRef): Promise<readonly string[]>
}

/**
 * The log of the task of a task instance while ECS and CloudWatch have it, from identity and settings alone; null where
 * it is written nowhere that we know.
 */
export async function logOfTask(
  taskInstance: TaskInstanceRef,
  parts: LogOfTaskParts,
): Promise<AsyncIterable<string> | null> {
  const { finder, logs, clustersOf } = parts
  const task = await finder.of(taskInstance, () => clustersOf(taskInstance), AbortSignal.timeout(LOOK_MS))
  const arn = task?.taskArn ?? taskInstance.externalId
  const taskId = arn === null ? undefined : partsOfArn(arn)?.taskId
  if (arn === null || taskId === undefined) return null
  const from = await streamOf(parts, { ...placeOf(taskInstance, task, parts.settings), taskId })
  if (from === null) return null
  return logs.follow(from, async () => {
    const now = await finder.byArn(arn, AbortSignal.timeout(LOOK_MS))
    return now === null || isGone(now)
  })
}

interface LogPlace {
  readonly taskDefinition: string
  readonly container: string
  readonly taskId: string
}

/** What ran the task, as ECS says; what its queue says, once ECS has forgotten it. */
function placeOf(
  { queue }: TaskInstanceRef,
  task: EcsTask | null,
  settings: EcsSettings,
): Pick<LogPlace, 'taskDefinition' | 'container'> {
  const usual = effectiveOptions(settings, queue, null)
  const { taskDefinition, containerName } = usual.kind === 'options' ? usual.options : settings
  if (task === null) return { taskDefinition, container: containerName }
  return {
    taskDefinition: task.taskDefinitionArn ?? taskDefinition,
    container: workerContainer(task, containerName)?.name ?? containerName,
  }
}

async function streamOf(
  { settings, api }: LogOfTaskParts,
  { taskDefinition, container, taskId }: LogPlace,
): Promise<LogStream | null> {
  const { logs } = settings
  if (logs !== undefined) {
    return { group: logs.group, stream: `${logs.streamPrefix}/${container}/${taskId}`, region: logs.region ?? null }
  }
  const definition = await api.describeTaskDefinition(taskDefinition)
  const options = awslogsOf(definition?.containerDefinitions?.find(({ name }) => name === container))
  const { 'awslogs-group': group, 'awslogs-stream-prefix': prefix, 'awslogs-region': region = null } = options
  if (group === undefined || prefix === undefined) return null
  return { group, stream: `${prefix}/${container}/${taskId}`, region }
}

function awslogsOf(container: ContainerDefinition | undefined): Readonly<Record<string, string>> {
  const { logDriver, options = {} } = container?.logConfiguration ?? {}
  return logDriver === 'awslogs' ? options : {}
}

const LOOK_MS = 20_000
