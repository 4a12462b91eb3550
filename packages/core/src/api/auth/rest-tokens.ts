import { openSigner, type Signer } from './signer.ts'

/** Who calls the REST API. */
export interface Identity {
  readonly username: string
  readonly role: 'admin'
  /** What the caller came through; runs that a command line starts say so. */
  readonly client: 'cli' | 'rest_api'
}

/** What a presented token says. */
export type RestVerdict =
  | { readonly kind: 'known'; readonly identity: Identity }
  | { readonly kind: 'expired' | 'invalid' }

/** Tokens of the REST API. */
export interface RestTokens {
  create(identity: Identity, lifeSeconds: number): Promise<string>
  verify(token: string): Promise<RestVerdict>
}

const AUDIENCE = 'urn:fairlead:api'

/** Opens the tokens of the REST API. A command line that can read the secret file makes its own with it. */
export function openRestTokens(secret: Uint8Array, clock: { now(): number }, leewaySeconds: number): RestTokens {
  const signer: Signer = openSigner({ secret, audience: AUDIENCE, leewaySeconds, clock, remembered: 200 })
  return {
    create: ({ username, role, client }, lifeSeconds) => signer.sign({ sub: username, role, client }, lifeSeconds),
    async verify(token) {
      const verified = await signer.verify(token)
      if (verified.kind !== 'valid') return verified
      const { sub, role, client } = verified.claims
      if (typeof sub !== 'string' || role !== 'admin') return { kind: 'invalid' }
      return { kind: 'known', identity: { username: sub, role, client: client === 'cli' ? 'cli' : 'rest_api' } }
    },
  }
}
