import { z } from 'zod'
import { listTaskInstancesOfRuns } from '../../db/queries/task-instance-reads.ts'
import type { ClearAnswer } from '../../moves/clear-task-instances.ts'
import type { ApiContext } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import type { VersionCache } from './dag-versions.ts'
import { taskInstanceSchema, taskInstanceToWire } from './task-instances.ts'

/** Airflow's collection, and how many processes are being stopped. */
export const changedSchema = z
  .object({ task_instances: z.array(taskInstanceSchema), total_entries: z.int(), stopping: z.int() })
  .meta({ id: 'ChangedTaskInstanceCollectionResponse' })

/** Which runs were named: null for those of a span. */
export interface ChangedRuns {
  readonly dagId: string
  readonly runId: string | null
}

/** Shows the task instances of an answer as they are now. */
export function changedWire(
  context: ApiContext,
  versions: VersionCache,
): (answer: ClearAnswer, at: ChangedRuns) => Promise<z.infer<typeof changedSchema>> {
  return async (answer, at) => {
    if (answer.kind !== 'done') throw problemOf(answer, at)
    const changed = new Set(answer.rows.map((row) => `${row.run_key}/${row.map_index}/${row.task_id}`))
    const runKeys = [...new Set(answer.rows.map((row) => row.run_key))]
    const rows = (await listTaskInstancesOfRuns(context.moves.database.read, runKeys)).filter((row) =>
      changed.has(`${row.run_key}/${row.map_index}/${row.task_id}`),
    )
    const known = await versions.of(rows.map((row) => row.version_id))
    return {
      task_instances: rows.map((row) => taskInstanceToWire(row, known.get(row.version_id))),
      total_entries: rows.length,
      stopping: answer.stopping,
    }
  }
}

function problemOf(answer: Exclude<ClearAnswer, { kind: 'done' }>, { dagId, runId }: ChangedRuns): ApiProblem {
  switch (answer.kind) {
    case 'runNotFound':
      return notFound(`run of Dag "${dagId}"`, runId ?? '')
    case 'taskNotFound':
      return notFound(`task in the selected runs of Dag "${dagId}"`, answer.taskId)
    case 'running':
      return new ApiProblem('CONFLICT', `Task instance "${answer.row.task_id}" is running, and would be stopped.`, {
        remedy: 'Wait for its end, or leave prevent_running_task out.',
      })
    case 'underWay':
      return new ApiProblem(
        'CONFLICT',
        `Task instance "${answer.row.task_id}" of run "${answer.runId}" is ${answer.row.state} and is not cleared: ` +
          'it would go on in code of the old version.',
        { remedy: 'Wait for its end, clear it too, or leave run_on_latest_version out.' },
      )
    default:
      return answer satisfies never
  }
}
