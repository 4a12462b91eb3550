import { isForEc2 } from './check-run-task.ts'
import { instanceArn } from './describe.ts'
import type { EcsDouble } from './ecs-double.ts'
import { placeTask } from './placement.ts'
import type { RunTaskInput } from './run-task-input.ts'
import type { Cluster, TaskDefinition } from './stage.ts'
import type { EcsTask, TaskFacts } from './task.ts'

/** What came of a launch. An answer with failures and no tasks is an ordinary one. */
export interface Launched {
  readonly tasks: readonly EcsTask[]
  readonly failures: readonly LaunchFailure[]
}

/** Why a task was not launched. */
export interface LaunchFailure {
  readonly arn?: string
  readonly reason: string
}

/** Where tasks are launched, and from what. */
export interface LaunchPlace {
  readonly cluster: Cluster
  readonly definition: TaskDefinition
  /** Reasons that a test ordered; null where it ordered none. */
  readonly noCapacity: readonly string[] | null
}

const NO_FARGATE_CAPACITY =
  'Capacity is unavailable at this time. Please try again later or in a different availability zone'

/** Launches as many tasks as a request asks for and there is room for. */
export function launchAll(ecs: EcsDouble, input: RunTaskInput, place: LaunchPlace): Launched {
  if (place.noCapacity !== null) {
    const reasons = place.noCapacity.length === 0 ? [NO_FARGATE_CAPACITY] : place.noCapacity
    return { tasks: [], failures: reasons.map((reason) => ({ reason })) }
  }
  const tasks: EcsTask[] = []
  const failures: LaunchFailure[] = []
  for (let count = input.count ?? 1; count > 0; count -= 1) {
    const room = roomFor(ecs, input, place)
    if (room.kind === 'none') failures.push(...room.failures)
    else tasks.push(ecs.launch(factsOf(input, place, room.instance)))
  }
  return { tasks, failures }
}

type Room =
  | { readonly kind: 'found'; readonly instance: number | null }
  | { readonly kind: 'none'; readonly failures: readonly LaunchFailure[] }

function roomFor(ecs: EcsDouble, input: RunTaskInput, { cluster, definition }: LaunchPlace): Room {
  const live = ecs.tasks().filter(({ facts, status }) => facts.cluster.arn === cluster.arn && status !== 'STOPPED')
  if (live.length >= (cluster.maxTasks ?? Number.POSITIVE_INFINITY))
    return { kind: 'none', failures: [{ reason: NO_FARGATE_CAPACITY }] }
  if (!isForEc2(input, cluster)) return { kind: 'found', instance: null }
  const instances = cluster.containerInstances ?? []
  const taken = instances.map((_, index) => sizeOfAll(live.filter(({ facts }) => facts.instance === index)))
  const constraints = (input.placementConstraints ?? []).flatMap(({ type, expression }) =>
    type === 'memberOf' && expression !== undefined ? [expression] : [],
  )
  const placement = placeTask(instances, taken, { ...sizeOf(definition), constraints })
  if (placement.kind === 'placed') return { kind: 'found', instance: placement.instance }
  const failures = placement.reasons.map((reason, instance) => ({ arn: instanceArn({ cluster, instance }), reason }))
  return { kind: 'none', failures }
}

interface Size {
  readonly cpu: number
  readonly memory: number
}

function sizeOf({ cpu, memory, containers }: TaskDefinition): Size {
  return {
    cpu: Number(cpu ?? containers.reduce((sum, container) => sum + (container.cpu ?? 0), 0)),
    memory: Number(memory ?? containers.reduce((sum, container) => sum + (container.memory ?? 0), 0)),
  }
}

function sizeOfAll(tasks: readonly EcsTask[]): Size {
  const sizes = tasks.map(({ facts }) => sizeOf(facts.definition))
  return {
    cpu: sizes.reduce((sum, { cpu }) => sum + cpu, 0),
    memory: sizes.reduce((sum, { memory }) => sum + memory, 0),
  }
}

function factsOf(
  input: RunTaskInput,
  { cluster, definition }: LaunchPlace,
  instance: number | null,
): Omit<TaskFacts, 'id' | 'arn'> {
  const provider =
    input.capacityProviderStrategy?.[0]?.capacityProvider ??
    (input.launchType === undefined ? cluster.defaultCapacityProvider : undefined)
  const { platformVersion = 'LATEST' } = input
  return {
    cluster,
    definition,
    overrides: input.overrides ?? {},
    launchType: isForEc2(input, cluster) ? 'EC2' : isFargate(input, provider) ? 'FARGATE' : null,
    capacityProvider: provider ?? null,
    startedBy: input.startedBy ?? null,
    group: input.group ?? `family:${definition.family}`,
    platformVersion: platformVersion === 'LATEST' ? '1.4.0' : platformVersion,
    subnet: input.networkConfiguration?.awsvpcConfiguration?.subnets[0] ?? null,
    instance,
    isExecuteCommandEnabled: input.enableExecuteCommand ?? false,
    tags: [...(input.propagateTags === 'TASK_DEFINITION' ? (definition.tags ?? []) : []), ...(input.tags ?? [])],
  }
}

function isFargate({ launchType }: RunTaskInput, provider: string | undefined): boolean {
  return launchType === 'FARGATE' || provider?.startsWith('FARGATE') === true
}
