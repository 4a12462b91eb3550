import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { Log } from '../observability/index.ts'
import { ApiProblem, notFound, type ProblemCode } from './problem.ts'

/** Writes any error of the REST API as a problem; one that nobody expected is logged and says little. */
export function problemHandler(log: Log) {
  return async (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const problem = problemOf(error)
    if (problem.code === 'INTERNAL')
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
  if (problem.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer')
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem.body))
}

function problemOf(error: FastifyError): ApiProblem {
  if (error instanceof ApiProblem) return error
  if (hasZodFastifySchemaValidationErrors(error)) return invalid(error)
  if (error.code === 'DATABASE_FULL') {
    return new ApiProblem('UNAVAILABLE', error.message, { remedy: 'Free space on the disk of the home folder.' })
  }
  const code = CODES[error.statusCode ?? 500]
  if (code !== undefined) return new ApiProblem(code, error.message)
  return new ApiProblem('INTERNAL', 'The server failed at this request.', { remedy: "The server's log says why." })
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
