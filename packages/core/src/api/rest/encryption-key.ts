import { z } from 'zod'
import type { Routes } from '../api-context.ts'
import { orUnreadable } from './secret-access.ts'

/** Fairlead's own route: a new key for secrets at rest, and everything encrypted anew under it. */
export const encryptionKeyRoutes: Routes = (app, { secrets }) => {
  app.post(
    '/encryptionKey/rotate',
    {
      schema: {
        tags: ['Security'],
        response: {
          200: z
            .object({ key_id: z.string(), variables: z.int(), connections: z.int() })
            .meta({ id: 'EncryptionKeyRotation' }),
        },
      },
    },
    async ({ identity }) => {
      const { keyId, variables, connections } = await orUnreadable(secrets.rotate(identity.username))
      return { key_id: keyId, variables, connections }
    },
  )
}
