import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { checkRunTask } from './check-run-task.ts'
import type { EcsDouble } from './ecs-double.ts'
import { launchAll, type Launched } from './launch-all.ts'
import type { RunTaskInput } from './run-task-input.ts'

/** RunTask: what it needs of the caller, and what it starts. */

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
export function runTask(
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
