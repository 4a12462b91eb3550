import type { Insertable } from 'kysely'
import type { Tx } from '../database.ts'
import type { ImportErrorTable } from '../schema.ts'

/** Keeps why a file does not load, over an older reason. */
export async function upsertImportError({ query }: Tx, row: Insertable<ImportErrorTable>): Promise<void> {
  const { bundle_name: _bundle, file: _file, ...changes } = row
  await query
    .insertInto('import_error')
    .values(row)
    .onConflict((conflict) => conflict.columns(['bundle_name', 'file']).doUpdateSet(changes))
    .execute()
}

/** Forgets why a file did not load. */
export async function deleteImportError(
  { query }: Tx,
  { bundleName, file }: { readonly bundleName: string; readonly file: string },
): Promise<void> {
  await query.deleteFrom('import_error').where('bundle_name', '=', bundleName).where('file', '=', file).execute()
}
