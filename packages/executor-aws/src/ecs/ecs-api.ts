import {
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Cluster,
  type Failure,
  type RunTaskCommandInput,
  type Task,
  type TaskDefinition,
} from '@aws-sdk/client-ecs'
import { clientConfig } from '../shared/client-config.ts'
import type { ClientSettings } from '../shared/client-settings.ts'
import { RenewedClient } from '../shared/renewed-client.ts'
import type { EcsTask } from './ecs-task.ts'

/** The part of ECS that is used here. Every call throws what the SDK throws. */
export class EcsApi {
  readonly #client: RenewedClient<ECSClient>

  constructor(settings: ClientSettings) {
    this.#client = new RenewedClient(() => new ECSClient(clientConfig(settings)))
  }

  async region(): Promise<string> {
    return await this.#client.current.config.region()
  }

  async runTask(
    input: RunTaskCommandInput,
  ): Promise<{ readonly tasks: readonly EcsTask[]; readonly failures: readonly Failure[] }> {
    const { tasks = [], failures = [] } = await this.#client.call((client) => client.send(new RunTaskCommand(input)))
    return { tasks, failures }
  }

  /** At most 100 of one cluster. Those that ECS does not know are left out. */
  async describeTasks(cluster: string, arns: readonly string[], signal?: AbortSignal): Promise<readonly Task[]> {
    const command = new DescribeTasksCommand({ cluster, tasks: [...arns], include: ['TAGS'] })
    const { tasks = [] } = await this.#client.call((client, options) => client.send(command, options), signal)
    return tasks
  }

  /** ARNs of tasks, of those that are to run or of those that are to be stopped. */
  async listTasks(
    cluster: string,
    filter: { readonly startedBy?: string; readonly family?: string },
    desiredStatus: 'RUNNING' | 'STOPPED',
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const arns: string[] = []
    let nextToken: string | undefined
    do {
      const command = new ListTasksCommand({ cluster, ...filter, desiredStatus, ...(nextToken ? { nextToken } : {}) })
      const answer = await this.#client.call((client, options) => client.send(command, options), signal)
      arns.push(...(answer.taskArns ?? []))
      nextToken = answer.nextToken
    } while (nextToken !== undefined)
    return arns
  }

  async stopTask(cluster: string, task: string, reason: string, signal?: AbortSignal): Promise<void> {
    const command = new StopTaskCommand({ cluster, task, reason })
    await this.#client.call((client, options) => client.send(command, options), signal)
  }

  async describeCluster(cluster: string, signal?: AbortSignal): Promise<Cluster | null> {
    const command = new DescribeClustersCommand({ clusters: [cluster] })
    const { clusters = [] } = await this.#client.call((client, options) => client.send(command, options), signal)
    return clusters[0] ?? null
  }

  async describeTaskDefinition(taskDefinition: string, signal?: AbortSignal): Promise<TaskDefinition | null> {
    const command = new DescribeTaskDefinitionCommand({ taskDefinition })
    const answer = await this.#client.call((client, options) => client.send(command, options), signal)
    return answer.taskDefinition ?? null
  }

  destroy(): void {
    this.#client.destroy()
  }
}
