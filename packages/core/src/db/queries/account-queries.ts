import type { Insertable, Kysely, Selectable } from 'kysely'
import type { AccountTable, Schema } from '../schema.ts'

/** The account of that name. */
export function findAccount(db: Kysely<Schema>, username: string): Promise<Selectable<AccountTable> | undefined> {
  return db.selectFrom('account').selectAll().where('username', '=', username).executeTakeFirst()
}

/** Creates an account unless one of that name exists; true when it did. */
export async function createAccount(db: Kysely<Schema>, account: Insertable<AccountTable>): Promise<boolean> {
  const result = await db
    .insertInto('account')
    .values(account)
    .onConflict((conflict) => conflict.column('username').doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows ?? 0) > 0
}
