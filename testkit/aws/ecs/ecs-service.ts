import { z } from 'zod'
import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import type { Operation, Service } from '../wire/service.ts'
import { describeCluster, describeDefinition, describeTask } from './describe.ts'
import type { EcsDouble } from './ecs-double.ts'
import { listTasksInput, listTasks } from './list-tasks.ts'
import { runTask, runTaskNeeds } from './run-task.ts'
import { runTaskInput } from './run-task-input.ts'
import type { Cluster } from './stage.ts'
import type { EcsTask } from './task.ts'

/** The API of ECS, over what the double runs. */
export function ecsService(ecs: EcsDouble, region: string, now: () => number): Service {
  return {
    name: 'ecs',
    protocol: 'json-1.1',
    operations: {
      RunTask: defineOperation({
        input: runTaskInput,
        needs: (input) => runTaskNeeds(ecs, region, input),
        run: (input, { noCapacity }) => {
          const { tasks, failures } = runTask(ecs, input, { noCapacity, now: now() })
          return { tasks: tasks.map((task) => describeTask(task, true)), failures }
        },
      }),
      DescribeTasks: describeTasks(ecs, region),
      StopTask: stopTask(ecs, region),
      ListTasks: defineOperation({
        input: listTasksInput,
        needs: ({ cluster }) => [clusterNeed(ecs, region, 'ecs:ListTasks', cluster, 'container-instance/*')],
        run: (input) => listTasks(ecs, input),
      }),
      DescribeClusters: describeClusters(ecs, region),
      DescribeTaskDefinition: describeTaskDefinition(ecs),
    },
    throttled: () => new AwsError('ThrottlingException', 'Rate exceeded'),
    broken: (status) => new AwsError('ServerException', 'Service Unavailable. Please try again later.', { status }),
  }
}

const tasksInput = z.object({
  tasks: z.array(z.string()),
  cluster: z.string().optional(),
  include: z.array(z.string()).optional(),
})

function describeTasks(ecs: EcsDouble, region: string): Operation {
  return defineOperation({
    input: tasksInput,
    needs: ({ tasks, cluster }) => tasks.map((task) => taskNeed(ecs, region, 'ecs:DescribeTasks', { cluster, task })),
    run: ({ tasks, cluster: name, include = [] }) => {
      const cluster = ecs.cluster(name)
      if (tasks.length === 0) throw new AwsError('InvalidParameterException', 'Tasks cannot be empty.')
      if (tasks.length > 100)
        throw new AwsError('InvalidParameterException', 'Tasks cannot have more than 100 elements.')
      const found = tasks.map((task) => [task, seen(taskIn(ecs, cluster, task))] as const)
      return {
        tasks: found.flatMap(([, task]) => (task === null ? [] : [describeTask(task, include.includes('TAGS'))])),
        failures: found.flatMap(([asked, task]) =>
          task === null ? [{ arn: arnOf(region, cluster, asked), reason: 'MISSING' }] : [],
        ),
      }
    },
  })
}

function stopTask(ecs: EcsDouble, region: string): Operation {
  return defineOperation({
    input: z.object({ task: z.string(), cluster: z.string().optional(), reason: z.string().optional() }),
    needs: ({ task, cluster }) => [taskNeed(ecs, region, 'ecs:StopTask', { cluster, task })],
    run: ({ task: asked, cluster: name, reason }) => {
      const task = taskIn(ecs, ecs.cluster(name), asked)
      if (task === null) throw new AwsError('InvalidParameterException', 'The referenced task was not found.')
      task.requestStop('UserInitiated', reason ?? 'Task stopped by user')
      return { task: describeTask(task, false) }
    },
  })
}

function describeClusters(ecs: EcsDouble, region: string): Operation {
  return defineOperation({
    input: z.object({ clusters: z.array(z.string()).optional() }),
    needs: ({ clusters = ['default'] }) =>
      clusters.map((name) => ({ action: 'ecs:DescribeClusters', resource: clusterArn(region, name) })),
    run: ({ clusters = ['default'] }) => {
      if (clusters.length > 100)
        throw new AwsError('InvalidParameterException', 'Clusters cannot have more than 100 elements.')
      const found = clusters.map((name) => [name, ecs.findCluster(name)] as const)
      return {
        clusters: found.flatMap(([, cluster]) => (cluster === null ? [] : [describeCluster(cluster, ecs.tasks())])),
        failures: found.flatMap(([name, cluster]) =>
          cluster === null ? [{ arn: clusterArn(region, name), reason: 'MISSING' }] : [],
        ),
      }
    },
  })
}

function describeTaskDefinition(ecs: EcsDouble): Operation {
  return defineOperation({
    input: z.object({ taskDefinition: z.string(), include: z.array(z.string()).optional() }),
    // The action knows no resources: a policy that names some allows nothing.
    needs: () => [{ action: 'ecs:DescribeTaskDefinition', resource: '*' }],
    run: ({ taskDefinition, include = [] }) => {
      const definition = ecs.findDefinition(taskDefinition)
      if (definition === null) throw new AwsError('ClientException', 'Unable to describe task definition.')
      return {
        taskDefinition: describeDefinition(definition),
        tags: include.includes('TAGS') ? (definition.tags ?? []) : [],
      }
    },
  })
}

/** The task that is asked for. Throws when its ARN is of another cluster. */
function taskIn(ecs: EcsDouble, cluster: Cluster, asked: string): EcsTask | null {
  const named = asked.startsWith('arn:') ? asked.split('/')[1] : cluster.name
  if (named !== cluster.name)
    throw new AwsError(
      'InvalidParameterException',
      `Invalid identifier: Identifier is for cluster ${named ?? ''}. Your cluster is ${cluster.name}`,
    )
  return ecs.findTask(cluster, asked)
}

/** Null for a task that this reader does not see yet. */
function seen(task: EcsTask | null): EcsTask | null {
  if (task === null || task.unseen === 0) return task
  task.unseen -= 1
  return null
}

function clusterArn(region: string, nameOrArn: string): string {
  return `arn:aws:ecs:${region}:${ACCOUNT}:cluster/${nameOrArn.split('/').at(-1) ?? ''}`
}

function arnOf(region: string, cluster: Cluster, idOrArn: string): string {
  return idOrArn.startsWith('arn:') ? idOrArn : `arn:aws:ecs:${region}:${ACCOUNT}:task/${cluster.name}/${idOrArn}`
}

function taskNeed(
  ecs: EcsDouble,
  region: string,
  action: string,
  { cluster, task }: { readonly cluster: string | undefined; readonly task: string },
): Need {
  return clusterNeed(ecs, region, action, cluster, `task/*/${task.split('/').at(-1) ?? ''}`)
}

function clusterNeed(
  ecs: EcsDouble,
  region: string,
  action: string,
  cluster: string | undefined,
  resource: string,
): Need {
  const name = ecs.findCluster(cluster)?.name ?? cluster?.split('/').at(-1) ?? 'default'
  return {
    action,
    resource: `arn:aws:ecs:${region}:${ACCOUNT}:${resource.replace('*', name)}`,
    context: { 'ecs:cluster': clusterArn(region, name) },
  }
}
