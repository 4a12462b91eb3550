import { createHmac, randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** The keys folder holds what only its owner may read: the API secret and the first admin password. */

/** A key file that cannot be used. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError'
  readonly code = 'KEY_FILE_UNUSABLE'
}

/** The secret that signs every token, created on the first call. Whoever can read the file is the owner of the installation. */
export function openApiSecret(keysFolder: string): Uint8Array {
  const text = readOrCreate(keysFolder, 'api-secret', () => randomBytes(48).toString('base64url'))
  return new TextEncoder().encode(text)
}

/** The secret if it exists already, for a command line on the same machine. */
export function readApiSecret(keysFolder: string): Uint8Array | null {
  const text = readPrivate(join(keysFolder, 'api-secret'))
  return text === null ? null : new TextEncoder().encode(text)
}

/** Removes the secret that was made a moment ago and turned out not to count. */
export function forgetApiSecret(keysFolder: string): void {
  rmSync(join(keysFolder, 'api-secret'), { force: true })
}

/** A generated password, and where it is. */
export interface PasswordFile {
  readonly path: string
  readonly password: string
}

/** The generated admin password and where it is, created on the first call. */
export function openAdminPassword(keysFolder: string): PasswordFile {
  const password = readOrCreate(keysFolder, ADMIN_PASSWORD, () => randomBytes(18).toString('base64url'))
  return { path: join(keysFolder, ADMIN_PASSWORD), password }
}

/** The same where it exists, or null. */
export function findAdminPassword(keysFolder: string): PasswordFile | null {
  const path = join(keysFolder, ADMIN_PASSWORD)
  const password = readPrivate(path)
  return password === null ? null : { path, password }
}

/** Removes a password that no account has. */
export function forgetAdminPassword(keysFolder: string): void {
  rmSync(join(keysFolder, ADMIN_PASSWORD), { force: true })
}

const ADMIN_PASSWORD = 'admin-password'

/**
 * The credential that workers of one executor present to its own routes, written down on the first call. It follows
 * from the secret, so that every API of the installation knows the same one.
 */
export function openWorkerCredential(keysFolder: string, secret: Uint8Array, executor: string): string {
  return readOrCreate(keysFolder, `worker-${encodeURIComponent(executor)}`, () =>
    createHmac('sha256', secret).update(`worker credential\n${executor}`).digest('base64url'),
  )
}

/** A private file's text, generated on the first call. */
export function readOrCreate(folder: string, name: string, create: () => string): string {
  const path = join(folder, name)
  const known = readPrivate(path)
  if (known !== null) return known
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const secret = create()
  const own = `${path}.${process.pid}.tmp`
  try {
    const file = openSync(own, 'w', 0o600)
    writeFileSync(file, `${secret}\n`)
    fsyncSync(file)
    closeSync(file)
    // Whole or not at all, and never over one that is there.
    linkSync(own, path)
    return secret
  } catch (error) {
    // Another process was faster: its secret counts.
    const theirs = readPrivate(path)
    if (theirs !== null) return theirs
    throw error
  } finally {
    rmSync(own, { force: true })
  }
}

/** The text of a file that only its owner may read, or null when there is none. */
export function readPrivate(path: string): string | null {
  try {
    const mode = statSync(path).mode & 0o077
    if (mode !== 0) throw new KeyFileError(`The key file "${path}" can be read by others. Run \`chmod 600 ${path}\`.`)
    const text = readFileSync(path, 'utf8').trim()
    if (text === '')
      throw new KeyFileError(`The key file "${path}" is empty. Remove it and start again: a new one is generated.`)
    return text
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
