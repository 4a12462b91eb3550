import type { Insertable } from 'kysely'
import type { Tx } from '../database.ts'
import type { DagVersionTable } from '../schema.ts'

/** The rows of Dag versions: inserted once, and never changed. */

/** The version of a Dag with this content, or null. */
export async function findVersionOfHash({ query }: Tx, dagId: string, hash: string): Promise<string | null> {
  const versions = query.selectFrom('dag_version').select('id').where('dag_id', '=', dagId)
  return (await versions.where('hash', '=', hash).executeTakeFirst())?.id ?? null
}

/** The number of a Dag's newest version; 0 when it has none. */
export async function readNewestNumber({ query }: Tx, dagId: string): Promise<number> {
  const versions = query.selectFrom('dag_version').where('dag_id', '=', dagId)
  const newest = await versions.select((eb) => eb.fn.max('version_number').as('number')).executeTakeFirst()
  return Number(newest?.number ?? 0)
}

/** Inserts a version. */
export async function insertVersion({ query }: Tx, row: Insertable<DagVersionTable>): Promise<void> {
  await query.insertInto('dag_version').values(row).execute()
}
