import type { Task } from '@aws-sdk/client-ecs'
import { MASKED, withMaskedSecrets, type TaskInstanceRef } from '@fairlead/protocol'
import { checkHealth, type HealthFinding } from './check-health.ts'
import { classifyTask, type TaskVerdict } from './classify-task.ts'
import type { EcsApi } from './ecs-api.ts'
import { workerContainer } from './ecs-task.ts'
import { effectiveOptions } from './effective-options.ts'
import type { EcsSettings } from './settings.ts'
import type { TaskFinder } from './task-finder.ts'
import { clusterOfArn, partsOfArn, startedByPrefix } from './task-identity.ts'

/** What operations work with. */
export interface OperationsParts {
  readonly name: string
  readonly settings: EcsSettings
  readonly api: EcsApi
  readonly finder: TaskFinder
  clustersOf(taskInstance: TaskInstanceRef): Promise<readonly string[]>
}

/** A task of this instance, for people. */
export interface ListedTask {
  readonly arn: string
  readonly status: string
  readonly verdict: TaskVerdict['kind']
  readonly dispatchId: string
  readonly dag: string
  readonly task: string
}

/** What people ask of an instance that was never started: commands and views. */
export class EcsOperations {
  readonly #parts: OperationsParts

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  check(signal: AbortSignal): Promise<readonly HealthFinding[]> {
    return checkHealth(this.#parts.api, this.#parts.settings, signal)
  }

  /** Tasks that this instance started in the clusters of its profiles. */
  async list(withStopped: boolean, signal: AbortSignal): Promise<readonly ListedTask[]> {
    const { name, finder, api, settings } = this.#parts
    const prefix = startedByPrefix(name)
    const tasks: Task[] = []
    for (const cluster of clustersOfProfiles(settings)) {
      const running = await api.listTasks(cluster, {}, 'RUNNING', signal)
      const stopped = withStopped ? await api.listTasks(cluster, {}, 'STOPPED', signal) : []
      const described = await finder.describe(cluster, [...new Set([...running, ...stopped])], signal)
      tasks.push(...described.values())
    }
    return tasks
      .filter(({ startedBy }) => startedBy?.startsWith(prefix))
      .map((task) => ({
        arn: task.taskArn ?? '',
        status: task.lastStatus ?? '',
        verdict: classifyTask(task, settings.containerName).kind,
        dispatchId: task.startedBy?.slice(prefix.length) ?? '',
        dag: tagOf(task, 'dag'),
        task: tagOf(task, 'task'),
      }))
  }

  /** Asks ECS to stop a task of this instance, by ARN. Says false where there is no such task. */
  async stop(arn: string, reason: string, signal: AbortSignal): Promise<boolean> {
    const { name, finder, api } = this.#parts
    const task = await finder.byArn(arn, signal)
    if (!task?.startedBy?.startsWith(startedByPrefix(name))) return false
    await api.stopTask(clusterOfArn(arn), arn, reason, signal)
    return true
  }

  /** What is shown beside a task instance. */
  async describe(taskInstance: TaskInstanceRef, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
    const { finder, clustersOf } = this.#parts
    const task = await finder.of(taskInstance, () => clustersOf(taskInstance), signal)
    const arn = task?.taskArn ?? taskInstance.externalId
    if (arn === null) return { status: 'ECS has no task for it.' }
    const place = { arn, link: consoleLink(arn) }
    return task === null ? { ...place, status: 'ECS no longer knows it.' } : { ...place, ...this.#shown(task) }
  }

  #shown(task: Task): Readonly<Record<string, unknown>> {
    const container = workerContainer(task, this.#parts.settings.containerName)
    return {
      status: task.lastStatus,
      verdict: classifyTask(task, this.#parts.settings.containerName).kind,
      stopCode: task.stopCode,
      stoppedReason: task.stoppedReason,
      containerReason: container?.reason,
      exitCode: container?.exitCode,
      createdAt: task.createdAt?.toISOString(),
      startedAt: task.startedAt?.toISOString(),
      stoppedAt: task.stoppedAt?.toISOString(),
      request: requestOf(task),
    }
  }
}

/** The request as ECS took it, without what is secret in it. */
function requestOf(task: Task): unknown {
  const containers = (task.overrides?.containerOverrides ?? []).map(({ environment = [], ...container }) => ({
    ...container,
    environment: Object.fromEntries(
      environment.map(({ name = '', value }) => [name, name.endsWith('__TICKET') ? MASKED : value]),
    ),
  }))
  return withMaskedSecrets({
    cluster: task.clusterArn,
    taskDefinition: task.taskDefinitionArn,
    launchType: task.launchType,
    capacityProvider: task.capacityProviderName,
    platformVersion: task.platformVersion,
    startedBy: task.startedBy,
    group: task.group,
    overrides: { ...task.overrides, containerOverrides: containers },
    tags: Object.fromEntries((task.tags ?? []).map(({ key = '', value }) => [key, value])),
  })
}

function consoleLink(arn: string): string {
  const region = arn.split(':')[3] ?? ''
  const { cluster = 'default', taskId = '' } = partsOfArn(arn) ?? {}
  return `https://${region}.console.aws.amazon.com/ecs/v2/clusters/${cluster}/tasks/${taskId}?region=${region}`
}

function clustersOfProfiles(settings: EcsSettings): ReadonlySet<string> {
  const queues = ['default', ...Object.keys(settings.queues ?? {})]
  return new Set(
    queues.flatMap((queue) => {
      const answer = effectiveOptions(settings, queue, null)
      return answer.kind === 'options' ? [answer.options.cluster] : []
    }),
  )
}

function tagOf({ tags = [] }: Task, name: string): string {
  return tags.find(({ key }) => key === `fairlead:${name}`)?.value ?? ''
}
