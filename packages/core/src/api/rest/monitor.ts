import { z } from 'zod'
import { findLatestScheduler } from '../../db/queries/scheduler-reads.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { isoOf, wireMoment } from './wire.ts'

const statusField = z.enum(['healthy', 'unhealthy']).nullable()

const healthSchema = z
  .object({
    metadatabase: z.object({ status: statusField }),
    scheduler: z.object({ status: statusField, latest_scheduler_heartbeat: wireMoment }),
    triggerer: z.object({ status: statusField, latest_triggerer_heartbeat: wireMoment }),
    dag_processor: z.object({ status: statusField, latest_dag_processor_heartbeat: wireMoment }),
  })
  .meta({ id: 'HealthInfoResponse' })

/** Routes that need no token: is it alive, and what is it. */
export const monitorRoutes: Routes = (app, context) => {
  app.get(
    '/monitor/health',
    { config: { isPublic: true }, schema: { tags: ['Monitor'], response: { 200: healthSchema } } },
    () => healthOf(context),
  )
  app.get(
    '/version',
    {
      config: { isPublic: true },
      schema: {
        tags: ['Version'],
        response: {
          200: z.object({ version: z.string(), git_version: z.string().nullable() }).meta({ id: 'VersionInfo' }),
        },
      },
    },
    () => Promise.resolve({ version: context.version, git_version: null }),
  )
}

async function healthOf(context: ApiContext): Promise<z.infer<typeof healthSchema>> {
  const { moves, config, health } = context
  const database = await schedulerOf(context)
  const renewedAt = database.kind === 'answered' ? (database.scheduler?.renewed_at ?? null) : null
  const oldest = moves.environment.clock.now() - config.scheduler.schedulerHealthCheckThreshold * 1000
  const processor = health.statusOf('dag_processor')
  return {
    metadatabase: { status: statusOf(database.kind === 'answered') },
    scheduler: { status: statusOf((renewedAt ?? 0) >= oldest), latest_scheduler_heartbeat: isoOf(renewedAt) },
    triggerer: { status: null, latest_triggerer_heartbeat: null },
    dag_processor: {
      status: processor === null ? null : statusOf(processor.isHealthy),
      latest_dag_processor_heartbeat: isoOf(processor?.lastBeatAt ?? null),
    },
  }
}

function statusOf(isHealthy: boolean): 'healthy' | 'unhealthy' {
  return isHealthy ? 'healthy' : 'unhealthy'
}

async function schedulerOf({ moves, log }: ApiContext) {
  try {
    return { kind: 'answered', scheduler: await findLatestScheduler(moves.database.read) } as const
  } catch (error) {
    log.warn('database does not answer the health check', { error })
    return { kind: 'silent' } as const
  }
}
