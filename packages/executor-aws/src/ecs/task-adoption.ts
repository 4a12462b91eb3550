import type { TaskInstanceRef } from '@fairlead/protocol'
import { groupBy } from '../shared/group-by.ts'
import { mapSome } from '../shared/patient-calls.ts'
import type { TaskFinder } from './task-finder.ts'
import { clusterOfArn, partsOfArn } from './task-identity.ts'

/** The ARN of each task that another instance of the executor began, or null where ECS has none. */
export type Found = ReadonlyArray<{ readonly taskInstance: TaskInstanceRef; readonly arn: string | null }>

const SEARCHES_AT_ONCE = 4

/**
 * Finds the tasks of task instances: by the ARN that was stored, or by who started them where it was not. Tasks of others
 * are none of theirs. Throws when ECS cannot be asked: nobody is called gone without an answer.
 */
export async function findTasks(
  taskInstances: readonly TaskInstanceRef[],
  finder: TaskFinder,
  { clustersOf, signal }: { clustersOf: ClustersOf; signal: AbortSignal },
): Promise<Found> {
  const stored = taskInstances.flatMap(({ externalId: arn }) => (arn === null || partsOfArn(arn) === null ? [] : [arn]))
  const described = await Promise.all(
    [...groupBy(stored, clusterOfArn)].map(([cluster, arns]) => finder.describe(cluster, arns, signal)),
  )
  const tasks = new Map(described.flatMap((some) => [...some]))
  return await mapSome(taskInstances, SEARCHES_AT_ONCE, async (taskInstance) => {
    const { externalId, dispatchId } = taskInstance
    const task = externalId === null ? undefined : tasks.get(externalId)
    if (task !== undefined) return { taskInstance, arn: finder.isOurs(task, dispatchId) ? externalId : null }
    // Without an ARN, or with one that ECS does not know yet.
    const found = await finder.find(await clustersOf(taskInstance), dispatchId, signal)
    return { taskInstance, arn: found?.taskArn ?? null }
  })
}

type ClustersOf = (taskInstance: TaskInstanceRef) => Promise<readonly string[]>
