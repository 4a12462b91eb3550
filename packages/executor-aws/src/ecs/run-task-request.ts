import type { ContainerOverride, KeyValuePair, RunTaskCommandInput, TaskOverride } from '@aws-sdk/client-ecs'
import type { ExecuteTask } from '@fairlead/protocol'
import { workerEnvironment, type WorkerReference } from '../shared/worker-environment.ts'
import type { EffectiveOptions } from './effective-options.ts'
import { clientToken, startedBy, tagsOf } from './task-identity.ts'

/** What a request is made of. */
export interface RunTaskParts {
  readonly executorName: string
  readonly workload: ExecuteTask
  readonly options: EffectiveOptions
  readonly worker: WorkerReference
  /** Of the settings: instead of what the image says. */
  readonly command: readonly string[] | undefined
  /** Number of the request, from 1. */
  readonly request: number
}

/** ECS counts the whole JSON of the overrides. */
const MOST_OVERRIDE_CHARACTERS = 8192

/** The body of RunTask. Nothing secret is in it but the launch ticket. */
export function runTaskRequest(parts: RunTaskParts): RunTaskCommandInput {
  const { executorName, workload, options, request } = parts
  const { dispatchId } = workload.taskInstance
  const { cluster, taskDefinition, launchType, capacityProviderStrategy, platformVersion, group } = options
  const tags = { ...options.tags, ...tagsOf(executorName, workload.taskInstance) }
  return {
    cluster,
    taskDefinition,
    count: 1,
    clientToken: clientToken(dispatchId, request),
    startedBy: startedBy(executorName, dispatchId),
    tags: Object.entries(tags).map(([key, value]) => ({ key, value: value ?? '' })),
    overrides: overridesOf(parts),
    ...networkOf(options),
    ...given({ launchType, capacityProviderStrategy, platformVersion, group }),
    ...given({
      placementConstraints: options.placementConstraints,
      placementStrategy: options.placementStrategy,
      propagateTags: options.propagateTags,
      enableECSManagedTags: options.enableECSManagedTags,
      enableExecuteCommand: options.enableExecuteCommand,
    }),
  }
}

/** Null when the request is within the limits of ECS, else what is beyond. Asked before it is sent. */
export function problemOfRequest({ overrides }: RunTaskCommandInput): string | null {
  const { length } = JSON.stringify(overrides ?? {})
  if (length <= MOST_OVERRIDE_CHARACTERS) return null
  return (
    `The overrides of the task are ${length} characters of JSON, and ECS takes ${MOST_OVERRIDE_CHARACTERS}. ` +
    'Move environment variables into the task definition, or into a file that "environmentFiles" names.'
  )
}

function overridesOf(parts: RunTaskParts): TaskOverride {
  const { cpu, memory, taskRoleArn, executionRoleArn, ephemeralStorageGiB } = parts.options
  return {
    containerOverrides: containersOf(parts),
    ...given({ cpu, memory, taskRoleArn, executionRoleArn }),
    ...(ephemeralStorageGiB === undefined ? {} : { ephemeralStorage: { sizeInGiB: ephemeralStorageGiB } }),
  }
}

function containersOf({ options, workload, worker, command }: RunTaskParts): ContainerOverride[] {
  const { containerName, env = {}, containers = [] } = options
  const own = containers.find(({ name }) => name === containerName)
  const main: ContainerOverride = {
    ...containerOf({ name: containerName, ...own }),
    ...(command === undefined ? {} : { command: [...command] }),
    environment: pairsOf({ ...env, ...own?.env, ...workerEnvironment(workload, worker) }),
  }
  return [main, ...containers.filter(({ name }) => name !== containerName).map(containerOf)]
}

type Container = NonNullable<EffectiveOptions['containers']>[number]

function containerOf({ name, env, ...rest }: Container): ContainerOverride {
  const { environmentFiles, cpu, memory, memoryReservation, resourceRequirements } = rest
  return {
    name,
    ...(env ? { environment: pairsOf(env) } : {}),
    ...given({ environmentFiles, cpu, memory, memoryReservation, resourceRequirements }),
  }
}

function pairsOf(variables: Readonly<Record<string, string | null>>): KeyValuePair[] {
  return Object.entries(variables).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
}

function networkOf({ network }: EffectiveOptions): Pick<RunTaskCommandInput, 'networkConfiguration'> {
  if (!network?.subnets) return {}
  const { subnets, securityGroups, assignPublicIp } = network
  const isPublic = assignPublicIp ?? null
  return {
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets,
        ...(securityGroups ? { securityGroups } : {}),
        ...(isPublic === null ? {} : { assignPublicIp: isPublic ? 'ENABLED' : 'DISABLED' }),
      },
    },
  }
}

type Given<T> = { [Key in keyof T]?: NonNullable<T[Key]> }

/** Without what is not said. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as Given<T>
}
