import fastify from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ApiContext, App, WorkerApiContext } from './api-context.ts'
import { executionApi } from './execution/execution-api.ts'
import { executorWorkerRoutes } from './executor-worker-routes.ts'
import { restApi } from './rest/rest-api.ts'

// Ids have up to 250 characters, and each may take nine when it is percent-encoded.
const LONGEST_PARAMETER = 2500

/** Builds the server with both APIs; it listens nowhere yet. */
export async function buildApi(context: ApiContext): Promise<App> {
  const app = await openApp(context)
  await app.register(restApi(context))
  await app.ready()
  return app
}

/** The same for workers alone. */
export async function buildWorkerApi(context: WorkerApiContext): Promise<App> {
  const app = await openApp(context)
  await app.ready()
  return app
}

async function openApp(context: WorkerApiContext): Promise<App> {
  const { api } = context.config
  const app = fastify({
    logger: false,
    bodyLimit: api.bodyLimit,
    requestTimeout: api.requestTimeout * 1000,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(executionApi(context), { prefix: '/execution' })
  await app.register(executorWorkerRoutes(context), { prefix: '/executors' })
  return app
}
