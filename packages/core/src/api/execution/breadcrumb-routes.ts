import type { Breadcrumbs } from '@fairlead/protocol'
import { z } from 'zod'
import { listFinishedTasks } from '../../db/queries/finished-tasks.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { Refusal } from './refusal.ts'
import { currentAttempt, workerOf } from './worker-token.ts'

/** More than error reports show. */
const MOST = 100

const querystring = z.object({ dag_id: z.string(), run_id: z.string() })

/** What had ended in its run before a task failed, for its error report. */
export const breadcrumbRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { database } = context.moves
  app.get('/task-instances/breadcrumbs', { schema: { querystring } }, async (request): Promise<Breadcrumbs> => {
    const { subject } = await workerOf(request, context, 'execution')
    const { dag_id: dagId, run_id: runId } = request.query
    const row = await database.transaction((tx) => currentAttempt(tx, subject))
    if (row.dag_id !== dagId || row.run_id !== runId) {
      throw new Refusal(403, 'wrong_task_instance', 'A task asks for what ended in its own run only.')
    }
    const finished = await listFinishedTasks(database.read, row.run_key, MOST)
    return {
      breadcrumbs: finished.map(({ task_id, map_index, state, started_at: start, ended_at: end }) => ({
        task_id,
        map_index,
        state,
        operator: null,
        duration: start === null || end === null ? null : (end - start) / 1000,
      })),
    }
  })
}
