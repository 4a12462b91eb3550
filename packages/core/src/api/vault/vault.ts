import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Keyring } from './keyring.ts'

/** Encrypts secrets at rest: AES-256-GCM, each bound to its place, so that no ciphertext can be put where another belongs. */
export interface Vault {
  seal(text: string, place: string): string
  /** @throws {VaultError} when its key is not here, or it was changed or moved. */
  open(sealed: string, place: string): string
  /** Seals under a new key from now on; what is sealed already stays readable. Answers the new key's id. */
  rotate(): string
}

/** A secret that cannot be read. It names the place and the remedy, never the text. */
export class VaultError extends Error {
  override readonly name = 'VaultError'
  readonly code = 'SECRET_UNREADABLE'
}

const VERSION = 'v1'
const IV_BYTES = 12
const TAG_BYTES = 16
const CIPHER = 'aes-256-gcm'

/** Opens a vault over these keys. */
export function openVault(keyring: Keyring): Vault {
  return {
    seal(text, place) {
      const { id, bytes } = keyring.current
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv(CIPHER, bytes, iv).setAAD(Buffer.from(place))
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return [VERSION, id, Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')].join('.')
    },
    open(sealed, place) {
      const [version, id = '', body = ''] = sealed.split('.')
      const key = version === VERSION ? keyring.find(id) : undefined
      if (key === undefined) {
        throw new VaultError(
          `The secret of ${place} is encrypted with key ${id}, which is not in ${keyring.place}. Put that key back.`,
        )
      }
      const bytes = Buffer.from(body, 'base64url')
      try {
        const cipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, IV_BYTES)).setAAD(Buffer.from(place))
        cipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
        return cipher.update(bytes.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + cipher.final('utf8')
      } catch (cause) {
        throw new VaultError(`The secret of ${place} was damaged or moved in the database. Set it again.`, { cause })
      }
    },
    rotate: () => keyring.rotate().id,
  }
}
