import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { FastifyError } from 'fastify'
import type { App, WorkerApiContext } from '../api-context.ts'
import { isOutage, RETRY_AFTER_SECONDS } from '../problem-handler.ts'
import { breadcrumbRoutes } from './breadcrumb-routes.ts'
import { bundleRoutes } from './bundle-routes.ts'
import { logUploadRoutes } from './log-upload-routes.ts'
import { Refusal } from './refusal.ts'
import { secretRoutes } from './secret-routes.ts'
import { taskInstanceRoutes } from './task-instance-routes.ts'
import { workloadRoutes } from './workload-routes.ts'
import { xcomRoutes } from './xcom-routes.ts'

/** The Task Execution API, which workers call; to be registered under `/execution`. */
export function executionApi(context: WorkerApiContext): (app: App) => Promise<void> {
  return async (app) => {
    // Fastify takes a limit for the server or for a route, and not for a plugin.
    app.addHook('onRoute', (route) => void (route.bodyLimit = context.config.executionApi.bodyLimit))
    app.setErrorHandler<FastifyError>(async (error, request, reply) => {
      const refusal = refusalFor(error)
      if (refusal === null) context.log.error('worker call failed', { route: request.routeOptions.url, error })
      const { status, body } = refusal ?? (isOutage(error) ? UNAVAILABLE : INTERNAL)
      if (status === UNAVAILABLE.status) reply.header('retry-after', RETRY_AFTER_SECONDS)
      return reply.code(status).type('application/json').send(body)
    })
    app.addHook('onResponse', async (request, reply) => {
      const route = request.routeOptions.url ?? 'unknown'
      context.metrics.increment('execution_api.requests', { route, status: String(reply.statusCode) })
    })
    app.get('/health', { logLevel: 'silent' }, () => Promise.resolve({ status: 'healthy' }))
    app.get('/health/ping', () => Promise.resolve({ ok: ['jwt'] }))
    await app.register(async (scope) => taskInstanceRoutes(scope, context))
    await app.register(async (scope) => breadcrumbRoutes(scope, context))
    await app.register(async (scope) => secretRoutes(scope, context))
    await app.register(async (scope) => xcomRoutes(scope, context))
    await app.register(async (scope) => workloadRoutes(scope, context))
    await app.register(async (scope) => bundleRoutes(scope, context))
    await app.register(async (scope) => logUploadRoutes(scope, context))
  }
}

const INTERNAL = {
  status: 500,
  body: { detail: { reason: 'internal', message: 'The server failed; its log says why.' } },
}

const UNAVAILABLE = {
  status: 503,
  body: { detail: { reason: 'unavailable', message: 'The database cannot be used now; the log says why. Ask again.' } },
}

function refusalFor(error: FastifyError): Refusal | null {
  if (error instanceof Refusal) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ instancePath, message }) => `${instancePath || 'body'}: ${message ?? ''}`)
    return new Refusal(422, 'invalid_body', issues.join('; '))
  }
  const status = error.statusCode ?? 500
  return status < 500 ? new Refusal(status, 'invalid_body', error.message) : null
}
