import { z } from 'zod'
import { UNMAPPED } from '@fairlead/protocol'
import type { Routes } from '../api-context.ts'
import type { VersionCache } from './dag-versions.ts'
import { requireTaskInstance } from './require.ts'
import { taskInstancePath, taskInstanceSchema, taskInstanceToWire } from './task-instances.ts'

const explanationSchema = z
  .object({
    gate: z.string(),
    explanation: z.string(),
    facts: z.record(z.string(), z.unknown()),
    task_instance: taskInstanceSchema,
  })
  .meta({ id: 'TaskInstanceExplanation' })

/** Fairlead's own route: why a task instance is where it is. */
export const explainRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.get(
      '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/explain',
      {
        schema: {
          tags: ['Task Instance'],
          params: taskInstancePath,
          querystring: z.object({ map_index: z.coerce.number().int().default(UNMAPPED) }),
          response: { 200: explanationSchema },
        },
      },
      async ({ params, query }) => {
        const row = await requireTaskInstance(context, params, query.map_index)
        const { gate, sentence, facts } = await context.explain(row)
        const version = (await versions.of([row.version_id])).get(row.version_id)
        return { gate, explanation: sentence, facts, task_instance: taskInstanceToWire(row, version) }
      },
    )
  }
