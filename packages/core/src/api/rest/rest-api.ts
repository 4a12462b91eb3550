import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import swagger from '@fastify/swagger'
import type { ApiContext, App } from '../api-context.ts'
import { authenticate } from '../authenticate.ts'
import { problemHandler, unknownRoute } from '../problem-handler.ts'
import { backfillRoutes } from './backfills.ts'
import { configurationRoutes } from './configuration.ts'
import { clearRunRoutes } from './clear-dag-runs.ts'
import { clearRoutes } from './clear-task-instances.ts'
import { endRunRoutes } from './end-dag-runs.ts'
import { cancelRoutes, markRoutes } from './mark-task-instances.ts'
import { stoppingRoutes } from './stopping.ts'
import { connectionRoutes } from './connections.ts'
import { dagRunRoutes } from './dag-runs.ts'
import { dagRoutes } from './dags.ts'
import { dagVersionRoutes, openVersionCache } from './dag-versions.ts'
import { encryptionKeyRoutes } from './encryption-key.ts'
import { eventLogRoutes } from './event-logs.ts'
import { drainRoutes } from './drains.ts'
import { executorRoutes } from './executors.ts'
import { executorViewRoutes } from './executor-views.ts'
import { explainRoutes } from './explain.ts'
import { importErrorRoutes } from './import-errors.ts'
import { loginRoutes } from './login.ts'
import { logRoutes } from './logs.ts'
import { monitorRoutes } from './monitor.ts'
import { runTaskRoutes } from './run-task-instance.ts'
import { taskInstanceRoutes } from './task-instances.ts'
import { poolRoutes } from './pools.ts'
import { taskRoutes } from './tasks.ts'
import { tryRoutes } from './tries.ts'
import { variableRoutes } from './variables.ts'
import { xcomRoutes } from './xcoms.ts'

/** The REST API: Airflow's routes below `/api/v2`, login, metrics and the OpenAPI document. */
export function restApi(context: ApiContext): (app: App) => Promise<void> {
  return async (app) => {
    app.setErrorHandler(problemHandler(context.log))
    app.setNotFoundHandler(unknownRoute)
    authenticate(app, context)
    app.addHook('onResponse', async (_request, reply) => {
      context.metrics.increment('api.requests', { status: String(reply.statusCode) })
    })
    await app.register(swagger, {
      openapi: { openapi: '3.1.0', info: { title: 'Fairlead', version: context.version }, ...BEARER },
      transform: jsonSchemaTransform,
      transformObject: jsonSchemaTransformObject,
    })
    app.get('/openapi.json', { schema: { hide: true } }, () => Promise.resolve(app.swagger()))
    if (context.config.metrics.isEnabled) metricsRoute(app, context)
    loginRoutes(app, context)
    const versions = openVersionCache(context.moves.database)
    const groups = [
      monitorRoutes,
      dagRoutes(versions),
      taskRoutes(versions),
      dagVersionRoutes,
      dagRunRoutes(versions),
      endRunRoutes(versions),
      clearRunRoutes(versions),
      stoppingRoutes,
      taskInstanceRoutes(versions),
      clearRoutes(versions),
      markRoutes(versions),
      cancelRoutes(versions),
      runTaskRoutes(versions),
      tryRoutes(versions),
      logRoutes,
      xcomRoutes,
      explainRoutes(versions),
      importErrorRoutes,
      eventLogRoutes,
      configurationRoutes,
      poolRoutes,
      backfillRoutes,
      variableRoutes,
      connectionRoutes,
      encryptionKeyRoutes,
      executorRoutes,
      executorViewRoutes,
      drainRoutes,
    ]
    await app.register(
      async (scope) => {
        for (const routes of groups) routes(scope, context)
      },
      { prefix: '/api/v2' },
    )
  }
}

function metricsRoute(app: App, { metrics, config, refreshMetrics }: ApiContext): void {
  app.get(
    '/metrics',
    { config: { isPublic: !config.metrics.requiresToken }, schema: { hide: true } },
    async (_request, reply) => {
      await refreshMetrics()
      return reply.type(metrics.contentType).send(await metrics.text())
    },
  )
}

const BEARER = {
  components: { securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer' } } },
  security: [{ bearer: [] }],
}
