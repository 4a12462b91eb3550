import { z } from 'zod'
import { AwsError } from '../wire/aws-error.ts'
import { pageOf } from '../wire/page.ts'
import type { EcsDouble } from './ecs-double.ts'
import type { EcsTask } from './task.ts'

/** What ListTasks takes. */
export const listTasksInput = z.object({
  cluster: z.string().optional(),
  family: z.string().optional(),
  containerInstance: z.string().optional(),
  serviceName: z.string().optional(),
  startedBy: z.string().optional(),
  desiredStatus: z.enum(['RUNNING', 'PENDING', 'STOPPED']).optional(),
  launchType: z.string().optional(),
  maxResults: z.int().optional(),
  nextToken: z.string().optional(),
})

type ListTasksInput = z.output<typeof listTasksInput>

/** ARNs of the tasks that are wanted to be as asked, running ones by default. */
export function listTasks(ecs: EcsDouble, input: ListTasksInput): Record<string, unknown> {
  const cluster = ecs.cluster(input.cluster)
  const { startedBy, family, containerInstance, serviceName, launchType, maxResults = 100 } = input
  if (maxResults < 1 || maxResults > 100)
    throw new AwsError('InvalidParameterException', 'maxResults must be between 1 and 100.')
  if (startedBy !== undefined && [family, containerInstance, serviceName, launchType].some((one) => one !== undefined))
    throw new AwsError('InvalidParameterException', 'startedBy cannot be combined with other filters.')
  const arns = ecs
    .tasks()
    .filter((task) => task.facts.cluster.arn === cluster.arn && isSeen(task) && isListed(task, input))
    .map(({ facts }) => facts.arn)
  const { items, nextToken } = pageOf(arns, maxResults, input.nextToken, 'InvalidParameterException')
  return { taskArns: items, ...(nextToken === null ? {} : { nextToken }) }
}

function isListed({ facts, desired }: EcsTask, input: ListTasksInput): boolean {
  return (
    desired === (input.desiredStatus ?? 'RUNNING') &&
    (input.startedBy === undefined || facts.startedBy === input.startedBy) &&
    (input.family === undefined || facts.definition.family === input.family) &&
    (input.launchType === undefined || facts.launchType === input.launchType) &&
    input.containerInstance === undefined &&
    input.serviceName === undefined
  )
}

function isSeen(task: EcsTask): boolean {
  if (task.unseen === 0) return true
  task.unseen -= 1
  return false
}
