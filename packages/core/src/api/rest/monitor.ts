import { z } from 'zod'
import { findLatestComponent } from '../../db/queries/components.ts'
import { findLatestScheduler } from '../../db/queries/scheduler-reads.ts'
import { overviewOfExecutors } from '../../dispatch/executor-overview.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { executorStatus } from './executors.ts'
import { isoOf, wireMoment } from './wire.ts'

const statusField = z.enum(['healthy', 'unhealthy']).nullable()

const healthSchema = z
  .object({
    metadatabase: z.object({ status: statusField }),
    scheduler: z.object({ status: statusField, latest_scheduler_heartbeat: wireMoment }),
    triggerer: z.object({ status: statusField, latest_triggerer_heartbeat: wireMoment }),
    dag_processor: z.object({ status: statusField, latest_dag_processor_heartbeat: wireMoment }),
    // Ours alone. Why one is not well may name what strangers must not know: `/executors` says it to who has a token.
    executors: z.record(z.string(), z.object({ status: executorStatus })),
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
  const { moves, config } = context
  const now = moves.environment.clock.now()
  const database = await signsOfLife(context, now)
  const { renewedAt, passedAt } = database
  const oldestRenewal = now - config.scheduler.schedulerHealthCheckThreshold * 1000
  const oldestPass = now - config.dagProcessor.dagProcessorHealthCheckThreshold * 1000
  return {
    metadatabase: { status: statusOf(database.isAnswering) },
    scheduler: { status: statusOf((renewedAt ?? 0) >= oldestRenewal), latest_scheduler_heartbeat: isoOf(renewedAt) },
    triggerer: { status: null, latest_triggerer_heartbeat: null },
    dag_processor: {
      status: passedAt === null ? null : statusOf(passedAt >= oldestPass),
      latest_dag_processor_heartbeat: isoOf(passedAt),
    },
    executors: Object.fromEntries(database.executors.map(({ name, state }) => [name, { status: state.kind }])),
  }
}

function statusOf(isHealthy: boolean): 'healthy' | 'unhealthy' {
  return isHealthy ? 'healthy' : 'unhealthy'
}

/** When the latest scheduler and the latest Dag processor, wherever they run, were heard of, and how executors fare there. */
async function signsOfLife({ moves, executors: configured, log }: ApiContext, now: number) {
  const { database } = moves
  try {
    const [scheduler, processor, executors] = await Promise.all([
      findLatestScheduler(database.read),
      findLatestComponent(database.read, 'dag_processor'),
      overviewOfExecutors(database, configured, now),
    ])
    const renewedAt = scheduler?.renewed_at ?? null
    return { isAnswering: true, renewedAt, passedAt: processor?.beat_at ?? null, executors }
  } catch (error) {
    log.warn('database does not answer the health check', { error })
    return { isAnswering: false, renewedAt: null, passedAt: null, executors: [] }
  }
}
