import type { Kysely, Selectable } from 'kysely'
import type { ImportErrorTable, Schema } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** Why a Dag file does not load. */
export type ImportErrorRow = Selectable<ImportErrorTable>

/** Names by which lists of import errors can be ordered. */
export const IMPORT_ERROR_ORDER = {
  id: 'at',
  import_error_id: 'at',
  timestamp: 'at',
  filename: 'file',
  bundle_name: 'bundle_name',
} as const

/** A page of import errors. */
export async function listImportErrors(
  db: Kysely<Schema>,
  filter: { readonly filePattern?: string | undefined },
  page: Page,
): Promise<Paged<ImportErrorRow>> {
  const { filePattern } = filter
  let matching = db.selectFrom('import_error')
  if (filePattern !== undefined) matching = matching.where((eb) => matchesPattern(eb.ref('file'), filePattern))
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching.selectAll()
  for (const [column, direction] of orderTerms(page, IMPORT_ERROR_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('bundle_name').orderBy('file').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}
