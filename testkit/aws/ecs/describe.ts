import { ACCOUNT } from '../iam/identities.ts'
import type { Cluster, TaskDefinition } from './stage.ts'
import { imageOf, type EcsTask, type TaskContainer, type TaskFacts, type TaskTime } from './task.ts'

/** ECS's own words for what the double holds. */

type Shape = Readonly<Record<string, unknown>>

/** A task as RunTask, StopTask and DescribeTasks tell it. */
export function describeTask(task: EcsTask, withTags: boolean): Shape {
  const { facts } = task
  return {
    ...identityOf(task),
    attachments: facts.subnet === null ? [] : [attachmentOf(task, facts.subnet)],
    attributes: [{ name: 'ecs.cpu-architecture', value: 'x86_64' }],
    availabilityZone: `${regionOf(facts.arn)}a`,
    containers: task.containers.map((container) => describeContainer(task, container)),
    desiredStatus: task.desired,
    enableExecuteCommand: facts.isExecuteCommandEnabled,
    healthStatus: 'UNKNOWN',
    lastStatus: task.status,
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [], ...facts.overrides },
    tags: withTags ? facts.tags : [],
    version: task.version,
    ...timesOf(task),
    ...(task.times.startedAt === undefined
      ? {}
      : { connectivity: 'CONNECTED', connectivityAt: seconds(task.times.startedAt) }),
    ...(task.stop === null ? {} : { stopCode: task.stop.code, stoppedReason: task.stop.reason }),
  }
}

/** A cluster as DescribeClusters tells it. */
export function describeCluster(cluster: Cluster, tasks: readonly EcsTask[]): Shape {
  const own = tasks.filter(({ facts }) => facts.cluster === cluster)
  const strategy = cluster.defaultCapacityProvider
  return {
    activeServicesCount: 0,
    capacityProviders: cluster.capacityProviders ?? [],
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    defaultCapacityProviderStrategy: strategy === undefined ? [] : [{ capacityProvider: strategy, weight: 1, base: 0 }],
    pendingTasksCount: own.filter(({ status }) => ['PROVISIONING', 'PENDING', 'ACTIVATING'].includes(status)).length,
    registeredContainerInstancesCount: cluster.containerInstances?.length ?? 0,
    runningTasksCount: own.filter(({ status }) => status === 'RUNNING').length,
    settings: [],
    statistics: [],
    status: cluster.status ?? 'ACTIVE',
    tags: [],
  }
}

/** A task definition as DescribeTaskDefinition tells it. */
export function describeDefinition(definition: TaskDefinition): Shape {
  const { taskRoleArn, executionRoleArn, cpu, memory } = definition
  return {
    compatibilities: ['EC2', 'FARGATE'],
    containerDefinitions: definition.containers.map((container) => ({
      cpu: 0,
      environment: [],
      essential: true,
      mountPoints: [],
      portMappings: [],
      systemControls: [],
      volumesFrom: [],
      ...container,
      image: imageOf(container),
    })),
    family: definition.family,
    networkMode: definition.networkMode ?? 'awsvpc',
    placementConstraints: [],
    registeredAt: seconds(definition.registeredAt),
    registeredBy: `arn:aws:iam::${ACCOUNT}:user/administrator`,
    requiresAttributes: [],
    requiresCompatibilities: definition.requiresCompatibilities ?? ['FARGATE'],
    revision: definition.revision,
    status: definition.status,
    taskDefinitionArn: definition.arn,
    volumes: [],
    ...defined({ taskRoleArn, executionRoleArn, cpu, memory }),
  }
}

/** Milliseconds as the JSON protocols write a time. */
export function seconds(ms: number): number {
  return ms / 1000
}

function identityOf({ facts }: EcsTask): Shape {
  const { definition, overrides, launchType, capacityProvider, startedBy } = facts
  return {
    taskArn: facts.arn,
    clusterArn: facts.cluster.arn,
    taskDefinitionArn: definition.arn,
    group: facts.group,
    ...defined({ cpu: overrides.cpu ?? definition.cpu, memory: overrides.memory ?? definition.memory }),
    ...(startedBy === null ? {} : { startedBy }),
    ...(launchType === null ? {} : { launchType }),
    ...(capacityProvider === null ? {} : { capacityProviderName: capacityProvider }),
    ...(facts.instance === null ? {} : { containerInstanceArn: instanceArn(facts) }),
    ...(launchType === 'EC2' ? {} : { platformVersion: facts.platformVersion, platformFamily: 'Linux' }),
  }
}

function describeContainer({ facts }: EcsTask, container: TaskContainer): Shape {
  const { definition, exitCode, reason } = container
  return {
    containerArn: facts.arn.replace(':task/', ':container/') + `/${container.id}`,
    taskArn: facts.arn,
    name: definition.name,
    image: imageOf(definition),
    lastStatus: container.status,
    healthStatus: 'UNKNOWN',
    cpu: String(definition.cpu ?? 0),
    networkInterfaces: [],
    ...(container.process === null ? {} : { runtimeId: container.id }),
    ...(definition.memory === undefined ? {} : { memory: String(definition.memory) }),
    ...(exitCode === null ? {} : { exitCode }),
    ...(reason === null ? {} : { reason }),
  }
}

function attachmentOf({ facts, status }: EcsTask, subnet: string): Shape {
  const isAttached = status !== 'PROVISIONING' && status !== 'STOPPED'
  return {
    id: facts.id,
    type: 'ElasticNetworkInterface',
    status: isAttached ? 'ATTACHED' : status === 'STOPPED' ? 'DELETED' : 'PRECREATED',
    details: [{ name: 'subnetId', value: subnet }],
  }
}

function timesOf({ times }: EcsTask): Shape {
  const entries = Object.entries(times) as ReadonlyArray<[TaskTime, number]>
  return Object.fromEntries(entries.map(([name, ms]) => [name, seconds(ms)]))
}

function defined(members: Shape): Shape {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** ARN of the instance that a task is on. */
export function instanceArn({ cluster, instance }: Pick<TaskFacts, 'cluster' | 'instance'>): string {
  const id = String(instance ?? 0).padStart(32, '0')
  return `${cluster.arn.replace(':cluster/', ':container-instance/')}/${id}`
}

function regionOf(arn: string): string {
  return arn.split(':')[3] ?? ''
}
