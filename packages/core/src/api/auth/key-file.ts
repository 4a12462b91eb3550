import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, closeSync, fsyncSync } from 'node:fs'
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

/** The generated admin password and where it is, created on the first call. */
export function openAdminPassword(keysFolder: string): { readonly path: string; readonly password: string } {
  const password = readOrCreate(keysFolder, 'admin-password', () => randomBytes(18).toString('base64url'))
  return { path: join(keysFolder, 'admin-password'), password }
}

/** The credential that workers of one executor present to its own routes, created on the first call. */
export function openWorkerCredential(keysFolder: string, executor: string): string {
  return readOrCreate(keysFolder, `worker-${encodeURIComponent(executor)}`, () => randomBytes(32).toString('base64url'))
}

function readOrCreate(folder: string, name: string, create: () => string): string {
  const path = join(folder, name)
  const known = readPrivate(path)
  if (known !== null) return known
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const secret = create()
  try {
    const file = openSync(path, 'wx', 0o600)
    writeFileSync(file, `${secret}\n`)
    fsyncSync(file)
    closeSync(file)
    return secret
  } catch (error) {
    // Another process was faster: its secret counts.
    const theirs = readPrivate(path)
    if (theirs !== null) return theirs
    throw error
  }
}

function readPrivate(path: string): string | null {
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
