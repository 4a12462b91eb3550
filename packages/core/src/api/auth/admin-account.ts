import type { Database } from '../../db/database.ts'
import { createAccount, findAccount } from '../../db/queries/account-queries.ts'
import { findAdminPassword, forgetAdminPassword, openAdminPassword } from './key-file.ts'
import { hashPassword, isPassword } from './password.ts'

/**
 * Creates the first user with a generated password, once for each database. Answers where the password is, or null when
 * the process that created the user has another home folder.
 */
export async function ensureAdminAccount(
  database: Database,
  options: { readonly username: string; readonly keysFolder: string; readonly now: number },
): Promise<{ readonly passwordFile: string | null }> {
  const { username, keysFolder, now } = options
  const known = findAdminPassword(keysFolder)
  if ((await findAccount(database.read, username)) !== undefined) return { passwordFile: known?.path ?? null }
  const { path, password } = openAdminPassword(keysFolder)
  const password_hash = await hashPassword(password)
  const isOurs = await database.transaction(({ query }) =>
    createAccount(query, { username, password_hash, role: 'admin', created_at: now }),
  )
  if (isOurs) return { passwordFile: path }
  // Another process was faster: of this keys folder, with the same password, or of another, with one of its own.
  const account = await findAccount(database.read, username)
  if (account !== undefined && (await isPassword(password, account.password_hash))) return { passwordFile: path }
  if (known === null) forgetAdminPassword(keysFolder)
  return { passwordFile: null }
}
