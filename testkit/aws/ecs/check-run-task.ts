import { AwsError } from '../wire/aws-error.ts'
import type { RunTaskInput } from './run-task-input.ts'
import type { Cluster, TaskDefinition } from './stage.ts'

/** The documented limits of RunTask, in the order in which they are looked at. */

const MAX_OVERRIDES = 8192

/** Throws what ECS answers to a request that it will not carry out as it is. */
export function checkRunTask(input: RunTaskInput, cluster: Cluster, definition: TaskDefinition): void {
  for (const problem of problemsOf(input, cluster, definition)) throw new AwsError('InvalidParameterException', problem)
}

function* problemsOf(input: RunTaskInput, cluster: Cluster, definition: TaskDefinition): Generator<string> {
  const { count = 1, startedBy = '', clientToken = 'x', tags = [], group = '' } = input
  if (count < 1 || count > 10) yield 'count must be between 1 and 10.'
  if (startedBy.length > 128) yield 'startedBy must be at most 128 characters.'
  if (!/^[A-Za-z0-9/_-]*$/.test(startedBy))
    yield 'startedBy may hold letters, digits, hyphens, slashes and underscores.'
  if (!/^[\x21-\x7e]{1,64}$/.test(clientToken)) yield 'clientToken must be 1 to 64 ASCII characters.'
  if (tags.length > 50) yield 'Tags can not have more than 50 elements.'
  if (group.length > 255) yield 'group must be at most 255 characters.'
  if (definition.status !== 'ACTIVE') yield 'TaskDefinition is inactive'
  yield* overrideProblemsOf(input, definition)
  yield* launchProblemsOf(input, cluster, definition)
  yield* networkProblemsOf(input, definition)
}

function* overrideProblemsOf({ overrides = {} }: RunTaskInput, definition: TaskDefinition): Generator<string> {
  if (JSON.stringify(overrides).length > MAX_OVERRIDES)
    yield `Container Overrides length must be at most ${MAX_OVERRIDES}`
  for (const { name } of overrides.containerOverrides ?? []) {
    if (!definition.containers.some((container) => container.name === name))
      yield `Override for container named ${name ?? ''} is not a container in the TaskDefinition.`
  }
}

function* launchProblemsOf(input: RunTaskInput, cluster: Cluster, definition: TaskDefinition): Generator<string> {
  const { launchType, capacityProviderStrategy = [] } = input
  if (launchType !== undefined && capacityProviderStrategy.length > 0)
    yield 'Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.'
  if (launchType !== undefined && !['EC2', 'FARGATE', 'EXTERNAL', 'MANAGED_INSTANCES'].includes(launchType))
    yield `Unknown launch type ${launchType}`
  if (capacityProviderStrategy.length > 20) yield 'A capacity provider strategy may name at most 20 providers.'
  for (const { capacityProvider } of capacityProviderStrategy) {
    if (!(cluster.capacityProviders ?? ['FARGATE', 'FARGATE_SPOT']).includes(capacityProvider))
      yield 'The specified capacity provider was not found. Specify a valid name or ARN and try again.'
  }
  const compatibilities = definition.requiresCompatibilities ?? ['FARGATE', 'EC2']
  if (launchType === 'FARGATE' && !compatibilities.includes('FARGATE'))
    yield 'Task definition does not support launch_type FARGATE.'
  if (isForEc2(input, cluster) && (cluster.containerInstances ?? []).length === 0)
    yield 'No Container Instances were found in your cluster.'
}

/** Without a launch type and a strategy of its own or of its cluster, a task goes to EC2. */
export function isForEc2({ launchType, capacityProviderStrategy = [] }: RunTaskInput, cluster: Cluster): boolean {
  if (launchType !== undefined) return launchType === 'EC2'
  return capacityProviderStrategy.length === 0 && cluster.defaultCapacityProvider === undefined
}

function* networkProblemsOf({ networkConfiguration }: RunTaskInput, definition: TaskDefinition): Generator<string> {
  const isAwsvpc = (definition.networkMode ?? 'awsvpc') === 'awsvpc'
  const network = networkConfiguration?.awsvpcConfiguration
  if (isAwsvpc && network === undefined)
    yield "Network Configuration must be provided when networkMode 'awsvpc' is specified."
  if (!isAwsvpc && network !== undefined)
    yield 'Network Configuration is not valid for the given networkMode of this task definition.'
  if (network === undefined) return
  if (network.subnets.length === 0) yield 'subnets can not be empty.'
  if (network.subnets.length > 16) yield 'subnets can have at most 16 items.'
  if ((network.securityGroups ?? []).length > 5) yield 'securityGroups can have at most 5 items.'
  if (!['ENABLED', 'DISABLED', undefined].includes(network.assignPublicIp))
    yield 'assignPublicIp must be ENABLED or DISABLED.'
}
