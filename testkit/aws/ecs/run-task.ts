import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { checkRunTask } from './check-run-task.ts'
import type { EcsDouble } from './ecs-double.ts'
import type { RunTaskInput } from './run-task-input.ts'
import type { Cluster, TaskDefinition } from './stage.ts'
import type { EcsTask, TaskFacts } from './task.ts'

/** RunTask: what it needs of the caller, and what it starts. */

/** What came of it. An answer with failures and no tasks is an ordinary one. */
export interface Launched {
  readonly tasks: readonly EcsTask[]
  readonly failures: ReadonlyArray<{ readonly arn?: string; readonly reason: string }>
}

const NO_FARGATE_CAPACITY =
  'Capacity is unavailable at this time. Please try again later or in a different availability zone'

/** Running it, tagging it, and handing its roles to it. */
export function runTaskNeeds(ecs: EcsDouble, region: string, input: RunTaskInput): readonly Need[] {
  const cluster = ecs.findCluster(input.cluster)
  const clusterName = cluster?.name ?? input.cluster ?? 'default'
  const context = { 'ecs:cluster': cluster?.arn ?? `arn:aws:ecs:${region}:${ACCOUNT}:cluster/${clusterName}` }
  const definition = ecs.findDefinition(input.taskDefinition)
  const definitionArn =
    definition?.arn ?? `arn:aws:ecs:${region}:${ACCOUNT}:task-definition/${input.taskDefinition.split('/').at(-1)}`
  const roles = [
    input.overrides?.taskRoleArn ?? definition?.taskRoleArn,
    input.overrides?.executionRoleArn ?? definition?.executionRoleArn,
  ]
  return [
    { action: 'ecs:RunTask', resource: definitionArn, context },
    ...((input.tags ?? []).length === 0
      ? []
      : [
          {
            action: 'ecs:TagResource',
            resource: `arn:aws:ecs:${region}:${ACCOUNT}:task/${clusterName}/*`,
            context: { ...context, 'ecs:CreateAction': 'RunTask' },
          },
        ]),
    ...roles.flatMap((resource) =>
      resource === undefined
        ? []
        : [{ action: 'iam:PassRole', resource, context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } }],
    ),
  ]
}

/** Starts what a request asks for, or answers what the same request started before. */
export function launchTasks(
  ecs: EcsDouble,
  input: RunTaskInput,
  { noCapacity, now }: { readonly noCapacity: readonly string[] | null; readonly now: number },
): Launched {
  const cluster = ecs.cluster(input.cluster)
  const definition = ecs.findDefinition(input.taskDefinition)
  if (definition === null) throw new AwsError('ClientException', 'TaskDefinition not found.')
  checkRunTask(input, cluster, definition)
  const { clientToken, ...rest } = input
  const parameters = JSON.stringify(rest)
  const known = clientToken === undefined ? null : ecs.tokens.find(cluster.arn, clientToken, parameters, now)
  if (known !== null) return { tasks: known, failures: [] }
  const launched = launchAll(ecs, input, { cluster, definition, noCapacity })
  if (clientToken !== undefined)
    ecs.tokens.remember(cluster.arn, clientToken, { parameters, tasks: launched.tasks, at: now })
  return launched
}

function launchAll(
  ecs: EcsDouble,
  input: RunTaskInput,
  { cluster, definition, noCapacity }: Place & { readonly noCapacity: readonly string[] | null },
): Launched {
  const count = input.count ?? 1
  if (noCapacity !== null) {
    const reasons = noCapacity.length === 0 ? [NO_FARGATE_CAPACITY] : noCapacity
    return { tasks: [], failures: reasons.map((reason) => ({ reason })) }
  }
  const live = ecs.tasks().filter((task) => task.facts.cluster.arn === cluster.arn && task.status !== 'STOPPED').length
  const room = Math.max(0, (cluster.maxTasks ?? Number.POSITIVE_INFINITY) - live)
  const facts = factsOf(input, { cluster, definition })
  const started = Math.min(count, room)
  return {
    tasks: Array.from({ length: started }, () => ecs.launch(facts)),
    failures: Array.from({ length: count - started }, () => ({ reason: NO_FARGATE_CAPACITY })),
  }
}

interface Place {
  readonly cluster: Cluster
  readonly definition: TaskDefinition
}

function factsOf(input: RunTaskInput, { cluster, definition }: Place): Omit<TaskFacts, 'id' | 'arn'> {
  const provider =
    input.capacityProviderStrategy?.[0]?.capacityProvider ??
    (input.launchType === undefined ? cluster.defaultCapacityProvider : undefined)
  const launchType = input.launchType === 'EC2' || input.launchType === 'FARGATE' ? input.launchType : null
  return {
    cluster,
    definition,
    overrides: input.overrides ?? {},
    launchType:
      provider?.startsWith('FARGATE') === true ? 'FARGATE' : (launchType ?? (provider === undefined ? 'EC2' : null)),
    capacityProvider: provider ?? null,
    startedBy: input.startedBy ?? null,
    group: input.group ?? `family:${definition.family}`,
    platformVersion:
      input.platformVersion === undefined || input.platformVersion === 'LATEST' ? '1.4.0' : input.platformVersion,
    subnet: input.networkConfiguration?.awsvpcConfiguration?.subnets[0] ?? null,
    isExecuteCommandEnabled: input.enableExecuteCommand ?? false,
    tags: [...(input.propagateTags === 'TASK_DEFINITION' ? (definition.tags ?? []) : []), ...(input.tags ?? [])],
  }
}
