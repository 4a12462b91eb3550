import { randomBytes } from 'node:crypto'
import type { Config } from '../../config/index.ts'
import type { Database } from '../../db/database.ts'
import type { Clock } from '../../model/environment.ts'
import { openKeyring } from './keyring.ts'
import { SecretStore } from './secret-store.ts'
import { openVault } from './vault.ts'

/** Variables and connections of an installation, under the keys of its configuration. */
export function openSecretStore(database: Database, config: Config, clock: Clock): SecretStore {
  const keyring = openKeyring({ configured: config.security.encryptionKeys, keysFolder: config.paths.keys })
  return new SecretStore(database, openVault(keyring), clock)
}

/** Variables and connections of a database that is thrown away, under a key that is, too. */
export function openThrowawaySecretStore(database: Database, clock: Clock): SecretStore {
  const keyring = openKeyring({ configured: randomBytes(32).toString('base64'), keysFolder: '' })
  return new SecretStore(database, openVault(keyring), clock)
}
