import { z } from 'zod'
import { findAccount } from '../../db/queries/account-queries.ts'
import type { Routes } from '../api-context.ts'
import { openFailedLogins } from '../auth/failed-logins.ts'
import { hashPassword, isPassword } from '../auth/password.ts'
import { ApiProblem } from '../problem.ts'

const bodySchema = z
  .strictObject({ username: z.string().min(1).max(250), password: z.string().min(1).max(1000) })
  .meta({ id: 'LoginBody' })

/** `POST /auth/token`: a token for a name and its password. */
export const loginRoutes: Routes = (app, context) => {
  const { apiAuth } = context.config
  const failures = openFailedLogins(context.moves.environment.clock, apiAuth.maxFailedLogins)
  // Compared against when the name is unknown, so that the time of an answer does not tell.
  const nobody = hashPassword('nobody has this password')
  app.post(
    '/auth/token',
    {
      config: { isPublic: true },
      schema: {
        tags: ['Login'],
        body: bodySchema,
        response: { 201: z.object({ access_token: z.string() }).meta({ id: 'LoginResponse' }) },
      },
    },
    async ({ body, ip }, reply) => {
      if (failures.isBlocked(ip)) {
        throw new ApiProblem('TOO_MANY_LOGINS', 'Too many logins from this address failed.', {
          remedy: 'Wait a minute.',
        })
      }
      const account = await findAccount(context.moves.database.read, body.username)
      const isRight = await isPassword(body.password, account?.password_hash ?? (await nobody))
      if (account === undefined || !isRight) {
        failures.record(ip)
        context.log.warn('login refused', { username: body.username, address: ip })
        throw new ApiProblem('UNAUTHENTICATED', 'The name or the password is wrong.', {
          remedy: 'The generated password is in the file keys/admin-password of the home folder.',
        })
      }
      failures.forget(ip)
      const identity = { username: account.username, role: 'admin', client: 'rest_api' } as const
      const access_token = await context.restTokens.create(identity, apiAuth.jwtExpirationTime)
      return reply.code(201).send({ access_token })
    },
  )
}
