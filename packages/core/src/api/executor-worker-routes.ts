import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { App, MountedRoutes, WorkerApiContext } from './api-context.ts'
import { bearerOf } from './authenticate.ts'
import { ApiProblem } from './problem.ts'
import { problemHandler } from './problem-handler.ts'

const querySchema = z.record(z.string(), z.string())

/** The routes that executors serve to their own workers, to be registered under `/executors`. */
export function executorWorkerRoutes(context: WorkerApiContext): (app: App) => Promise<void> {
  return async (app) => {
    app.setErrorHandler(problemHandler(context.log))
    for (const mounted of context.executorRoutes) {
      await app.register(async (scope) => mount(scope, mounted, context.signal), {
        prefix: `/${encodeURIComponent(mounted.executor.name)}`,
      })
    }
  }
}

async function mount(app: App, { executor, routes, credential }: MountedRoutes, signal: AbortSignal): Promise<void> {
  app.addHook('onRequest', async (request) => {
    if (isSame(bearerOf(request) ?? '', credential)) return
    throw new ApiProblem('UNAUTHENTICATED', `This route needs the worker credential of executor "${executor.name}".`, {
      remedy: `It is in the file keys/worker-${executor.name} of the server's home folder.`,
    })
  })
  for (const { method, path, handle } of routes) {
    app.route({
      method,
      url: path,
      schema: { querystring: querySchema, hide: true },
      handler: async (request, reply) => {
        const closed = new AbortController()
        // The answer's close: a request closes as soon as its body was read.
        reply.raw.once('close', () => closed.abort())
        const query = querySchema.parse(request.query)
        const body: unknown = request.body
        const answer = await handle({ executor, query, body, signal: AbortSignal.any([signal, closed.signal]) })
        return reply.code(answer.status).send(answer.body)
      },
    })
  }
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}
