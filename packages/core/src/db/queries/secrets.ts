import type { Kysely, Selectable } from 'kysely'
import type { ConnectionTable, Schema, VariableTable } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** A variable as it is stored: its value encrypted. */
export type VariableRow = Selectable<VariableTable>
/** A connection as it is stored: password and extra encrypted. */
export type ConnectionRow = Selectable<ConnectionTable>

/** What a list of variables can be ordered by. */
export const VARIABLE_ORDER = { key: 'variable_key', description: 'description' } as const
/** What a list of connections can be ordered by. */
export const CONNECTION_ORDER = {
  connection_id: 'connection_id',
  conn_type: 'conn_type',
  description: 'description',
  host: 'host',
  port: 'port',
} as const

/** A page of variables. */
export async function listVariables(
  db: Kysely<Schema>,
  pattern: string | undefined,
  page: Page,
): Promise<Paged<VariableRow>> {
  let matching = db.selectFrom('variable')
  if (pattern !== undefined) matching = matching.where((eb) => matchesPattern(eb.ref('variable_key'), pattern))
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let ordered = matching.selectAll()
  for (const [column, direction] of orderTerms(page, VARIABLE_ORDER)) ordered = ordered.orderBy(column, direction)
  const rows = await ordered.orderBy('variable_key').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** A page of connections. */
export async function listConnections(
  db: Kysely<Schema>,
  pattern: string | undefined,
  page: Page,
): Promise<Paged<ConnectionRow>> {
  let matching = db.selectFrom('connection')
  if (pattern !== undefined) matching = matching.where((eb) => matchesPattern(eb.ref('connection_id'), pattern))
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let ordered = matching.selectAll()
  for (const [column, direction] of orderTerms(page, CONNECTION_ORDER)) ordered = ordered.orderBy(column, direction)
  const rows = await ordered.orderBy('connection_id').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** One variable. */
export function findVariable(db: Kysely<Schema>, key: string): Promise<VariableRow | undefined> {
  return db.selectFrom('variable').selectAll().where('variable_key', '=', key).executeTakeFirst()
}

/** One connection. */
export function findConnection(db: Kysely<Schema>, id: string): Promise<ConnectionRow | undefined> {
  return db.selectFrom('connection').selectAll().where('connection_id', '=', id).executeTakeFirst()
}
