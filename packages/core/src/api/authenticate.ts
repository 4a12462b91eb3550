import type { FastifyRequest } from 'fastify'
import type { ApiContext, App } from './api-context.ts'
import type { Identity } from './auth/rest-tokens.ts'
import { ApiProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls, once a route of the REST API was let in. */
    identity: Identity
  }
  interface FastifyContextConfig {
    /** True for a route that needs no token. */
    isPublic?: boolean
  }
}

/** Refuses every request of these routes that carries no good token, but for those that say they are public. */
export function authenticate(app: App, context: ApiContext): void {
  app.decorateRequest('identity')
  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.config.isPublic === true) return
    request.identity = await identify(request, context)
  })
}

/** The token of an `Authorization: Bearer …` header, or null. */
export function bearerOf(request: FastifyRequest): string | null {
  return /^Bearer ([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

const REMEDY = 'Get a token from POST /auth/token, and send it as "Authorization: Bearer …".'

async function identify(request: FastifyRequest, { restTokens }: ApiContext): Promise<Identity> {
  const token = bearerOf(request)
  if (token === null) throw new ApiProblem('UNAUTHENTICATED', 'This route needs a token.', { remedy: REMEDY })
  const verdict = await restTokens.verify(token)
  if (verdict.kind === 'known') return verdict.identity
  const detail = verdict.kind === 'expired' ? 'The token has expired.' : 'The token is none that this server gave.'
  throw new ApiProblem('UNAUTHENTICATED', detail, { remedy: REMEDY })
}
