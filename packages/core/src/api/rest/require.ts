import { UNMAPPED } from '@fairlead/protocol'
import { findDag, type DagRow } from '../../db/queries/dag-reads.ts'
import { findDagRun, type DagRunRow } from '../../db/queries/dag-run-reads.ts'
import { findTaskInstance, listTries, type TaskInstanceRow } from '../../db/queries/task-instance-reads.ts'
import type { ApiContext } from '../api-context.ts'
import { notFound } from '../problem.ts'

/** Finding what a path names, or the error that names what is missing. */

/** The Dag of that id. */
export async function requireDag({ moves }: ApiContext, dagId: string): Promise<DagRow> {
  const dag = await findDag(moves.database.read, dagId)
  if (dag === undefined) {
    throw notFound(
      'Dag',
      dagId,
      'GET /api/v2/dags lists every Dag; GET /api/v2/importErrors lists files that do not load.',
    )
  }
  return dag
}

/** The run of that id. */
export async function requireDagRun(context: ApiContext, dagId: string, runId: string): Promise<DagRunRow> {
  const run = await findDagRun(context.moves.database.read, dagId, runId)
  if (run !== undefined) return run
  await requireDag(context, dagId)
  throw notFound(`run of Dag "${dagId}"`, runId)
}

/** Ids in the path of a task instance. */
export interface TaskInstancePath {
  readonly dag_id: string
  readonly dag_run_id: string
  readonly task_id: string
}

/** The newest try of a task instance. */
export async function requireTaskInstance(
  context: ApiContext,
  path: TaskInstancePath,
  mapIndex: number = UNMAPPED,
): Promise<TaskInstanceRow> {
  const key = { dagId: path.dag_id, runId: path.dag_run_id, taskId: path.task_id, mapIndex }
  const row = await findTaskInstance(context.moves.database.read, key)
  if (row !== undefined) return row
  await requireDagRun(context, path.dag_id, path.dag_run_id)
  const index = mapIndex === UNMAPPED ? '' : ` at map index ${mapIndex}`
  throw notFound(`task instance in run "${path.dag_run_id}" of Dag "${path.dag_id}"`, `${path.task_id}${index}`)
}

/** One try of a task instance. */
export async function requireTry(
  context: ApiContext,
  path: TaskInstancePath,
  tryNumber: number,
  mapIndex: number = UNMAPPED,
): Promise<TaskInstanceRow> {
  const live = await requireTaskInstance(context, path, mapIndex)
  if (live.try_number === tryNumber) return live
  const key = { dagId: path.dag_id, runId: path.dag_run_id, taskId: path.task_id, mapIndex }
  // A clear can repeat a number; the last row of a number is the newest.
  const row = (await listTries(context.moves.database.read, key)).findLast((one) => one.try_number === tryNumber)
  if (row === undefined) throw notFound(`try of task instance "${path.task_id}"`, String(tryNumber))
  return row
}
