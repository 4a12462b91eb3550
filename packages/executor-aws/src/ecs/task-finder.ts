import type { Task } from '@aws-sdk/client-ecs'
import type { ExecutorHost } from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef } from '@fairlead/protocol'
import { mapSome, patiently } from '../shared/patient-calls.ts'
import type { EcsApi } from './ecs-api.ts'
import type { EcsTask } from './ecs-task.ts'
import { clusterOfArn, startedBy } from './task-identity.ts'

/** ECS describes so many tasks in one call. */
const MOST_DESCRIBED = 100
const CALLS_AT_ONCE = 4

/** Questions about tasks that may be repeated: throttled ones wait. */
export class TaskFinder {
  readonly #host: Pick<ExecutorHost, 'name' | 'clock'>
  readonly #api: EcsApi
  readonly #random: () => number

  constructor(host: Pick<ExecutorHost, 'name' | 'clock'>, api: EcsApi, random: () => number) {
    this.#host = host
    this.#api = api
    this.#random = random
  }

  /** Tasks of one cluster by ARN; those that ECS does not know are not in it. Foreign ones are: ask `isOurs`. */
  async describe(cluster: string, arns: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Task>> {
    const tasks = await mapSome(inHundreds(arns), CALLS_AT_ONCE, (hundred) =>
      this.#patiently(() => this.#api.describeTasks(cluster, hundred, signal), signal),
    )
    return new Map(tasks.flat().flatMap((task) => (task.taskArn === undefined ? [] : [[task.taskArn, task]])))
  }

  /** The task of one hand-over, found by who started it: no ARN needs to have been kept. */
  async find(clusters: readonly string[], dispatchId: DispatchId, signal: AbortSignal): Promise<Task | null> {
    for (const cluster of new Set(clusters)) {
      for (const status of ['RUNNING', 'STOPPED'] as const) {
        const filter = { startedBy: startedBy(this.#host.name, dispatchId) }
        const arns = await this.#patiently(() => this.#api.listTasks(cluster, filter, status, signal), signal)
        const tasks = arns.length === 0 ? new Map<string, Task>() : await this.describe(cluster, arns, signal)
        const [task] = tasks.values()
        if (task !== undefined) return task
      }
    }
    return null
  }

  /** The task with an ARN, or null where ECS does not know it. */
  async byArn(arn: string, signal: AbortSignal): Promise<Task | null> {
    return (await this.describe(clusterOfArn(arn), [arn], signal)).get(arn) ?? null
  }

  /** The task of a task instance: by the ARN that was stored, or else by who started it. */
  async of(
    { externalId, dispatchId }: TaskInstanceRef,
    clusters: () => Promise<readonly string[]>,
    signal: AbortSignal,
  ): Promise<Task | null> {
    if (externalId !== null) return await this.byArn(externalId, signal)
    return await this.find(await clusters(), dispatchId, signal)
  }

  /** True for a task that this instance started for this hand-over. */
  isOurs(task: EcsTask, dispatchId: DispatchId): boolean {
    return task.startedBy === startedBy(this.#host.name, dispatchId)
  }

  #patiently<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return patiently(call, { clock: this.#host.clock, random: this.#random, signal })
  }
}

/** The elements in lists of a hundred. */
export function inHundreds<T>(elements: readonly T[]): ReadonlyArray<readonly T[]> {
  const count = Math.ceil(elements.length / MOST_DESCRIBED)
  return Array.from({ length: count }, (_, index) =>
    elements.slice(index * MOST_DESCRIBED, (index + 1) * MOST_DESCRIBED),
  )
}
