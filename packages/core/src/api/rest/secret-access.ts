import { ApiProblem } from '../problem.ts'
import { VaultError } from '../vault/vault.ts'

/** A secret, or the error that says why it cannot be decrypted. */
export async function orUnreadable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw error instanceof VaultError ? new ApiProblem('CONFLICT', error.message) : error
  }
}
