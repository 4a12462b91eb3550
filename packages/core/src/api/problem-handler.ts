import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Log } from '../observability/index.ts'
import { ApiProblem, notFound, type ProblemCode } from './problem.ts'

/** Writes any error of the REST API as a problem; one that nobody expected is logged and says little. */
export function problemHandler(log: Log) {
  return async (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const problem = problemOf(error)
    if (problem.code === 'INTERNAL' || isOutage(error))
      log.error('request failed', { method: request.method, route: request.routeOptions.url, error })
    return send(reply, problem)
  }
}

/** Answers a path that no route has. */
export async function unknownRoute(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const name = `${request.method} ${request.url.split('?')[0] ?? ''}`
  return send(reply, notFound('route', name, 'GET /openapi.json lists every route.'))
}

function send(reply: FastifyReply, problem: ApiProblem): FastifyReply {
  if (problem.code === 'UNAVAILABLE') reply.header('retry-after', RETRY_AFTER_SECONDS)
  if (problem.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem.body))
}

function problemOf(error: FastifyError): ApiProblem {
  if (error instanceof ApiProblem) return error
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error)
  if (isOutage(error)) return new ApiProblem('UNAVAILABLE', error.message, { remedy: OUTAGES[error.code] })
  const code = CODES[error.statusCode ?? 500]
  if (code !== undefined) return new ApiProblem(code, error.message)
  return new ApiProblem('INTERNAL', 'The server failed at this request.', { remedy: "The server's log says why." })
}

/** True for an error that ends by itself when somebody has seen to the database. */
export function isOutage<E extends { readonly code?: string }>(error: E): error is E & { code: keyof typeof OUTAGES } {
  return error.code !== undefined && Object.hasOwn(OUTAGES, error.code)
}

/** When to ask again a server whose database is away. */
export const RETRY_AFTER_SECONDS = 1

const OUTAGES = {
  DATABASE_FULL: 'Free space on the disk of the database, and ask again.',
  DATABASE_UNAVAILABLE: 'Ask again when the database is back.',
}

const CODES: Readonly<Record<number, ProblemCode>> = {
  400: 'BAD_REQUEST',
  404: 'NOT_FOUND',
  413: 'TOO_LARGE',
  415: 'BAD_REQUEST',
  503: 'UNAVAILABLE',
}

interface Invalid {
  readonly validationContext?: string | undefined
  readonly validation?: ReadonlyArray<{
    readonly instancePath: string
    readonly message?: string
    readonly keyword: string
  }>
}

function invalid({ validation = [], validationContext = 'body' }: Invalid): ApiProblem {
  const errors = validation.map(({ instancePath, message = 'is invalid', keyword }) => ({
    loc: [validationContext, ...instancePath.split('/').filter((part) => part !== '')],
    msg: message,
    type: keyword,
  }))
  const detail = errors.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; ')
  return new ApiProblem('INVALID', detail, { errors, remedy: 'GET /openapi.json says what the route takes.' })
}
