import { z } from 'zod'
import type { Routes } from '../api-context.ts'

const executorSchema = z
  .object({
    name: z.string(),
    is_default: z.boolean(),
    parallelism: z.int(),
    occupied_slots: z.int(),
    open_slots: z.int(),
    status: z.enum(['healthy', 'unhealthy']),
    reason: z.string().nullable(),
  })
  .meta({ id: 'ExecutorResponse' })

/** Fairlead's own route: the executors of this server and how full they are. */
export const executorRoutes: Routes = (app, context) => {
  app.get(
    '/executors',
    {
      schema: {
        tags: ['Executor'],
        response: {
          200: z
            .object({ executors: z.array(executorSchema), total_entries: z.int() })
            .meta({ id: 'ExecutorCollectionResponse' }),
        },
      },
    },
    () => {
      const executors = context.executors().map(({ name, isDefault, parallelism, occupied, health }) => ({
        name,
        is_default: isDefault,
        parallelism,
        occupied_slots: occupied,
        open_slots: Math.max(0, parallelism - occupied),
        status: health.kind,
        reason: health.kind === 'unhealthy' ? health.reason : null,
      }))
      return Promise.resolve({ executors, total_entries: executors.length })
    },
  )
}
