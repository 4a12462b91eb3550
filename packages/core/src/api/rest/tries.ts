import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { listTries } from '../../db/queries/task-instance-reads.ts'
import type { Routes } from '../api-context.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireTaskInstance, requireTry, type TaskInstancePath } from './require.ts'
import { taskInstancePath, tryResponseSchema, tryToWire } from './task-instances.ts'

const collectionSchema = z
  .object({ task_instances: z.array(tryResponseSchema), total_entries: z.int() })
  .meta({ id: 'TaskInstanceHistoryCollectionResponse' })

const BASE = '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id'
const mapped = taskInstancePath.extend({ map_index: z.coerce.number().int() })
const numbered = { task_try_number: z.coerce.number().int() }

/** Routes of the tries of a task instance, the current one included. */
export const tryRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    const all = async (path: TaskInstancePath, mapIndex: number) => {
      await requireTaskInstance(context, path, mapIndex)
      const key = { dagId: path.dag_id, runId: path.dag_run_id, taskId: path.task_id, mapIndex }
      const rows = await listTries(context.moves.database.read, key)
      const known = await versions.of(rows.map((row) => row.version_id))
      return {
        task_instances: rows.map((row) => tryToWire(row, known.get(row.version_id))),
        total_entries: rows.length,
      }
    }
    const one = async (path: TaskInstancePath, tryNumber: number, mapIndex: number) => {
      const row = await requireTry(context, path, tryNumber, mapIndex)
      return tryToWire(row, (await versions.of([row.version_id])).get(row.version_id))
    }
    const list = { tags: ['Task Instance'], response: { 200: collectionSchema } }
    const single = { tags: ['Task Instance'], response: { 200: tryResponseSchema } }
    app.get(`${BASE}/tries`, { schema: { ...list, params: taskInstancePath } }, ({ params }) => all(params, UNMAPPED))
    app.get(`${BASE}/:map_index/tries`, { schema: { ...list, params: mapped } }, ({ params }) =>
      all(params, params.map_index),
    )
    app.get(
      `${BASE}/tries/:task_try_number`,
      { schema: { ...single, params: taskInstancePath.extend(numbered) } },
      ({ params }) => one(params, params.task_try_number, UNMAPPED),
    )
    app.get(
      `${BASE}/:map_index/tries/:task_try_number`,
      { schema: { ...single, params: mapped.extend(numbered) } },
      ({ params }) => one(params, params.task_try_number, params.map_index),
    )
  }
