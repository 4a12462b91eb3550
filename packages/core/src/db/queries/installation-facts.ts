import type { Kysely } from 'kysely'
import type { Tx } from '../database.ts'
import type { Schema } from '../schema.ts'

/** What all processes of an installation must agree on, noted by the first that knows it. */

/** A fact by name. */
export interface Fact {
  readonly name: string
  readonly value: string
  readonly at: number
}

/** The value of a fact, or undefined. */
export async function readFact(db: Kysely<Schema>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('installation_fact').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}

/** Notes a fact unless it is known; answers the value that holds. */
export async function noteFact({ query }: Tx, { name, value, at }: Fact): Promise<string> {
  await query
    .insertInto('installation_fact')
    .values({ name, value, noted_at: at })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  return (await readFact(query, name)) ?? value
}

/** Notes a fact in the place of what is known; answers the value that holds. */
export async function replaceFact({ query }: Tx, { name, value, at }: Fact): Promise<string> {
  await query
    .insertInto('installation_fact')
    .values({ name, value, noted_at: at })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value, noted_at: at }))
    .execute()
  return value
}

/** Forgets a fact; true when it was known. */
export async function forgetFact({ query }: Tx, name: string): Promise<boolean> {
  const result = await query.deleteFrom('installation_fact').where('name', '=', name).executeTakeFirst()
  return Number(result.numDeletedRows) > 0
}
