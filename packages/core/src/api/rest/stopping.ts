import { z } from 'zod'
import { readLiveProcesses } from '../../db/queries/live-processes.ts'
import type { Routes } from '../api-context.ts'
import { requireDag, requireDagRun } from './require.ts'
import { anyOf, isoOf, wireMoment } from './wire.ts'

const processSchema = z
  .object({
    dispatch_id: z.string(),
    dag_run_id: z.string(),
    task_id: z.string(),
    map_index: z.int(),
    executor: z.string(),
    stop_requested_at: wireMoment,
    stop_reason: z.string().nullable(),
  })
  .meta({ id: 'StoppingProcess' })

const runPath = z.object({ dag_id: z.string(), dag_run_id: z.string() })

const ONE = '/dags/:dag_id/dagRuns/:dag_run_id'

/** Fairlead's own route: which processes of a run are being stopped, and not confirmed gone. */
export const stoppingRoutes: Routes = (app, context) => {
  app.get(
    `${ONE}/stopping`,
    {
      schema: {
        tags: ['DagRun'],
        params: runPath,
        response: {
          200: z
            .object({ processes: z.array(processSchema), total_entries: z.int() })
            .meta({ id: 'StoppingProcessCollection' }),
        },
      },
    },
    async ({ params }) => {
      const runId = anyOf(params.dag_run_id)
      await (runId === null ? requireDag(context, params.dag_id) : requireDagRun(context, params.dag_id, runId))
      const live = await readLiveProcesses(context.moves.database.read, { dagId: params.dag_id, runId })
      const processes = live
        .filter((row) => row.stop_requested_at !== null)
        .map(({ run_id, ...row }) => ({
          ...row,
          dag_run_id: run_id,
          stop_requested_at: isoOf(row.stop_requested_at),
        }))
      return { processes, total_entries: processes.length }
    },
  )
}
