import { createHash } from 'node:crypto'
import type { Database } from '../../db/database.ts'
import { forgetFact, noteFact, readFact, replaceFact } from '../../db/queries/installation-facts.ts'
import { forgetApiSecret, openApiSecret, readApiSecret } from './key-file.ts'

/** The one secret of an installation, which all its processes sign with, whatever home folder each has. */

/** A process whose secret is not that of its installation: its tokens would be refused by the others. */
export class SharedSecretError extends Error {
  override readonly name = 'SharedSecretError'
  readonly code = 'API_SECRET_DIFFERS'
}

/** Where a process may have its secret from. */
export interface SecretSources {
  /** As configured; null for the key file. */
  readonly configured: string | null
  readonly keysFolder: string
  readonly now: number
}

const FACT = 'api_secret_fingerprint'

/**
 * The secret of this process, once it is known to be the installation's. The first process of an installation makes
 * it, unless it is configured, and leaves its fingerprint in the database.
 *
 * @throws {SharedSecretError} when this process has another secret than the database was begun with, or none.
 */
export async function openSharedSecret(database: Database, sources: SecretSources): Promise<Uint8Array> {
  // In this order: whoever noted the fact had written the file before.
  const known = await readFact(database.read, FACT)
  const own = ownSecret(sources)
  if (own === null && known !== undefined && !database.isExclusive) throw missing(sources, database)
  const secret = own ?? openApiSecret(sources.keysFolder)
  const fingerprint = fingerprintOf(secret)
  if (known === fingerprint) return secret
  const kept = await database.transaction(async (tx) => {
    // Nobody else can use an embedded database: whoever brings another secret has changed it on purpose.
    if (database.isExclusive) return replaceFact(tx, { name: FACT, value: fingerprint, at: sources.now })
    return noteFact(tx, { name: FACT, value: fingerprint, at: sources.now })
  })
  if (kept === fingerprint) return secret
  // Two first processes at once: the secret that lost is none, or the next start would offer it again.
  if (own === null) forgetApiSecret(sources.keysFolder)
  throw own === null ? missing(sources, database) : differs(sources, database)
}

/** Has the next process that starts begin the installation's secret anew; false when there was none. */
export function forgetSharedSecret(database: Database): Promise<boolean> {
  return database.transaction((tx) => forgetFact(tx, FACT))
}

function ownSecret({ configured, keysFolder }: SecretSources): Uint8Array | null {
  return configured === null ? readApiSecret(keysFolder) : new TextEncoder().encode(configured)
}

function fingerprintOf(secret: Uint8Array): string {
  return createHash('sha256').update('fairlead api secret\n').update(secret).digest('base64url')
}

const REMEDY =
  'Give every process of the installation the same one: copy keys/api-secret of the home folder that was first, name its folder by security.keys_folder, or set api_auth.jwt_secret. To change it for all, stop them all and run `fairlead db forget-secret`.'

function missing({ keysFolder }: SecretSources, { location }: Database): SharedSecretError {
  return new SharedSecretError(
    `The installation on ${location} has a secret for its tokens, and there is none in ${keysFolder}. ${REMEDY}`,
  )
}

function differs({ configured, keysFolder }: SecretSources, { location }: Database): SharedSecretError {
  const which = configured === null ? `The secret in ${keysFolder}/api-secret` : 'The secret in api_auth.jwt_secret'
  return new SharedSecretError(`${which} is not the one of the installation on ${location}. ${REMEDY}`)
}
