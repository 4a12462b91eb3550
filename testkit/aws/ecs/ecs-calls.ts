import {
  DescribeTasksCommand,
  ECSClient,
  RunTaskCommand,
  type RunTaskCommandInput,
  type Task,
} from '@aws-sdk/client-ecs'
import { eventually } from '../../eventually.ts'
import type { AwsDouble } from '../aws-double.ts'
import { CLUSTER, CONTAINER, DEFINITION, NETWORK } from '../stage.ts'

/** What tests of ECS do over its API: run a shell script as a task, and look at it. Each request is sent once. */
export class EcsCalls {
  readonly client: ECSClient

  constructor(double: AwsDouble) {
    this.client = new ECSClient({ ...double.client, maxAttempts: 1 })
  }

  /** Runs a script; answers the ARN of its task. */
  async run(script: string, more: Partial<RunTaskCommandInput> = {}): Promise<string> {
    const { tasks = [], failures = [] } = await this.client.send(new RunTaskCommand(shell(script, more)))
    if (failures.length > 0) throw new Error(`The task was not launched: ${JSON.stringify(failures)}`)
    return tasks[0]?.taskArn ?? ''
  }

  async taskOf(arn: string): Promise<Task | null> {
    const { tasks = [] } = await this.client.send(
      new DescribeTasksCommand({ cluster: CLUSTER, tasks: [arn], include: ['TAGS'] }),
    )
    return tasks[0] ?? null
  }

  /** The task, once it is in this status. */
  async until(arn: string, status: string): Promise<Task> {
    return await eventually(async () => {
      const task = await this.taskOf(arn)
      return task?.lastStatus === status ? task : null
    })
  }

  close(): void {
    this.client.destroy()
  }
}

/** A request that runs a script on the stage. */
export function shell(script: string, more: Partial<RunTaskCommandInput> = {}): RunTaskCommandInput {
  return {
    cluster: CLUSTER,
    taskDefinition: DEFINITION,
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    overrides: { containerOverrides: [{ name: CONTAINER, command: [script] }] },
    ...more,
  }
}
