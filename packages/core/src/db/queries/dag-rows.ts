import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Tx } from '../database.ts'
import type { DagTable } from '../schema.ts'

/** The rows of Dags, as moves read and write them. */

/** A Dag's row. */
export type StoredDag = Selectable<DagTable>

/** What of a Dag's row changes when its file is read. */
export type DagChange = Omit<Updateable<DagTable>, 'dag_id'>

/** A Dag, active or not. */
export function readDag({ query }: Tx, dagId: string): Promise<StoredDag | undefined> {
  return query.selectFrom('dag').selectAll().where('dag_id', '=', dagId).executeTakeFirst()
}

/** Inserts a Dag. */
export async function insertDag({ query }: Tx, row: Insertable<DagTable>): Promise<void> {
  await query.insertInto('dag').values(row).execute()
}

/** Changes a Dag. */
export async function updateDag({ query }: Tx, dagId: string, change: DagChange): Promise<void> {
  await query.updateTable('dag').set(change).where('dag_id', '=', dagId).execute()
}

/** Makes the Dags of a file inactive, but for these. */
export async function deactivateDags(
  { query }: Tx,
  { bundleName, file }: { readonly bundleName: string; readonly file: string },
  but: readonly string[],
): Promise<void> {
  let update = query
    .updateTable('dag')
    .set({ is_active: 0 })
    .where('bundle_name', '=', bundleName)
    .where('file', '=', file)
  if (but.length > 0) update = update.where('dag_id', 'not in', but)
  await update.execute()
}
