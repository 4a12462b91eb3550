import type { Database } from '../../db/database.ts'
import { createAccount, findAccount } from '../../db/queries/account-queries.ts'
import { openAdminPassword } from './key-file.ts'
import { hashPassword } from './password.ts'

/** Creates the first user with a generated password, once; answers where the password is. */
export async function ensureAdminAccount(
  database: Database,
  options: { readonly username: string; readonly keysFolder: string; readonly now: number },
): Promise<{ readonly passwordFile: string }> {
  const { path, password } = openAdminPassword(options.keysFolder)
  if ((await findAccount(database.read, options.username)) !== undefined) return { passwordFile: path }
  const password_hash = await hashPassword(password)
  await database.transaction(({ query }) =>
    createAccount(query, { username: options.username, password_hash, role: 'admin', created_at: options.now }),
  )
  return { passwordFile: path }
}
