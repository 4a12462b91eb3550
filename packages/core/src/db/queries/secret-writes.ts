import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'
import type { ConnectionRow, VariableRow } from './secrets.ts'

/** Writing variables and connections. What is read to be changed is held until the change is committed. */

const heldVariable = statement(
  ({ forUpdate }) => `select v.* from variable v where v.variable_key = $1 ${forUpdate('v')}`,
)

const heldConnection = statement(
  ({ forUpdate }) => `select c.* from connection c where c.connection_id = $1 ${forUpdate('c')}`,
)

const heldVariables = statement(
  ({ forUpdate }) => `select v.* from variable v order by v.variable_key ${forUpdate('v')}`,
)

const heldConnections = statement(
  ({ forUpdate }) => `select c.* from connection c order by c.connection_id ${forUpdate('c')}`,
)

/** Holds a variable; undefined when there is none. */
export async function holdVariable(tx: Tx, key: string): Promise<VariableRow | undefined> {
  return (await tx.all<VariableRow>(heldVariable, [key]))[0]
}

/** Holds a connection; undefined when there is none. */
export async function holdConnection(tx: Tx, id: string): Promise<ConnectionRow | undefined> {
  return (await tx.all<ConnectionRow>(heldConnection, [id]))[0]
}

/** Holds every variable. */
export function holdVariables(tx: Tx): Promise<VariableRow[]> {
  return tx.all<VariableRow>(heldVariables)
}

/** Holds every connection. */
export function holdConnections(tx: Tx): Promise<ConnectionRow[]> {
  return tx.all<ConnectionRow>(heldConnections)
}

/** Creates a variable; false when there is one. */
export async function insertVariable({ query }: Tx, row: VariableRow): Promise<boolean> {
  const insert = query.insertInto('variable').values(row)
  const created = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
  return (created.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Creates a connection; false when there is one. */
export async function insertConnection({ query }: Tx, row: ConnectionRow): Promise<boolean> {
  const insert = query.insertInto('connection').values(row)
  const created = await insert.onConflict((conflict) => conflict.doNothing()).executeTakeFirst()
  return (created.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Writes a variable, over an older one. */
export async function upsertVariable({ query }: Tx, row: VariableRow): Promise<void> {
  const { variable_key: _, ...changes } = row
  await query
    .insertInto('variable')
    .values(row)
    .onConflict((conflict) => conflict.column('variable_key').doUpdateSet(changes))
    .execute()
}

/** Writes a connection, over an older one. */
export async function upsertConnection({ query }: Tx, row: ConnectionRow): Promise<void> {
  const { connection_id: _, ...changes } = row
  await query
    .insertInto('connection')
    .values(row)
    .onConflict((conflict) => conflict.column('connection_id').doUpdateSet(changes))
    .execute()
}

/** Removes a variable; false when there was none. */
export async function deleteVariable({ query }: Tx, key: string): Promise<boolean> {
  const { numDeletedRows } = await query.deleteFrom('variable').where('variable_key', '=', key).executeTakeFirst()
  return numDeletedRows > 0n
}

/** Removes a connection; false when there was none. */
export async function deleteConnection({ query }: Tx, id: string): Promise<boolean> {
  const { numDeletedRows } = await query.deleteFrom('connection').where('connection_id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}
