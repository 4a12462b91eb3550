import { createHash, randomBytes } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../../config/index.ts'
import { readOrCreate, readPrivate } from '../auth/key-file.ts'

/** One key for secrets at rest, and the short name that what it encrypts carries. */
export interface VaultKey {
  readonly id: string
  readonly bytes: Uint8Array
}

/** The keys of this installation: the first encrypts, every one decrypts. */
export interface Keyring {
  readonly current: VaultKey
  find(id: string): VaultKey | undefined
  /** Puts a new key in front where keys are generated; where they are configured, the first one is the new one. */
  rotate(): VaultKey
  /** Where keys come from, for messages. */
  readonly place: string
}

const KEY_BYTES = 32
const FILE = 'encryption-keys'

/**
 * Keys from configuration when it names any, else from a file in the keys folder that the first call generates.
 *
 * @throws {ConfigError} when a key has another length.
 */
export function openKeyring(options: { readonly configured: string; readonly keysFolder: string }): Keyring {
  return options.configured === '' ? fileKeyring(options.keysFolder) : configuredKeyring(options.configured)
}

function configuredKeyring(text: string): Keyring {
  const place = '`security.encryption_keys`'
  const keys = parseKeys(text, place)
  return {
    place,
    current: firstOf(keys, place),
    find: (id) => keys.find((key) => key.id === id),
    rotate: () => firstOf(keys, place),
  }
}

function fileKeyring(folder: string): Keyring {
  const path = join(folder, FILE)
  const read = (): readonly VaultKey[] => parseKeys(readPrivate(path) ?? '', path)
  let keys = parseKeys(readOrCreate(folder, FILE, newKeyText), path)
  return {
    place: `"${path}"`,
    get current() {
      return firstOf(keys, path)
    },
    find(id) {
      // Another process may have rotated since we looked.
      if (!keys.some((key) => key.id === id)) keys = read()
      return keys.find((key) => key.id === id)
    },
    rotate() {
      const text = newKeyText()
      writeFileSync(`${path}.new`, `${text}\n${readPrivate(path) ?? ''}\n`, { mode: 0o600, flush: true })
      renameSync(`${path}.new`, path)
      keys = read()
      return firstOf(keys, path)
    },
  }
}

function newKeyText(): string {
  return randomBytes(KEY_BYTES).toString('base64url')
}

function parseKeys(text: string, place: string): readonly VaultKey[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== '')
  return parts.map((part, index) => {
    const bytes = Buffer.from(part, 'base64url')
    if (bytes.length === KEY_BYTES) return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes }
    throw new ConfigError(
      `Key ${index + 1} of ${place} has ${bytes.length} bytes, not ${KEY_BYTES}. Make one with \`openssl rand -base64 32\`.`,
    )
  })
}

function firstOf(keys: readonly VaultKey[], place: string): VaultKey {
  const [first] = keys
  if (first === undefined) throw new ConfigError(`There is no key in ${place}. Put back the file, or a backup of it.`)
  return first
}
