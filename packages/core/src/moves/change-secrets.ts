import type { Database, Tx } from '../db/database.ts'
import { appendAudit } from '../db/queries/audit.ts'
import type { ConnectionRow, VariableRow } from '../db/queries/secrets.ts'
import {
  deleteConnection,
  deleteVariable,
  holdConnection,
  holdConnections,
  holdVariable,
  holdVariables,
  insertConnection,
  insertVariable,
  upsertConnection,
  upsertVariable,
} from '../db/queries/secret-writes.ts'

/**
 * Variables and connections by hand, as they are stored: whoever calls encrypts them. Each change is audited in its
 * transaction, by name and never by value. What is changed is held from its reading on, so that of two who change
 * different parts of it neither undoes the other's.
 */

/** Who changes something, and when. */
export interface SecretChange {
  readonly actor: string
  readonly now: number
}

/** A change that the audit log names. */
interface Audited extends SecretChange {
  readonly event: string
  readonly detail: Readonly<Record<string, string>>
}

/** Creates a variable; false when there is one. */
export function createVariable(database: Database, row: VariableRow, by: SecretChange): Promise<boolean> {
  return audited(database, variableSet(row.variable_key, by), (tx) => insertVariable(tx, row))
}

/** Writes a variable, over an older one. */
export async function setVariable(database: Database, row: VariableRow, by: SecretChange): Promise<void> {
  await audited(database, variableSet(row.variable_key, by), (tx) => done(upsertVariable(tx, row)))
}

/** Makes of a variable what `change` makes of it; false when there is none. */
export function changeVariable(
  database: Database,
  key: string,
  change: (before: VariableRow) => VariableRow,
  by: SecretChange,
): Promise<boolean> {
  return audited(database, variableSet(key, by), async (tx) => {
    const before = await holdVariable(tx, key)
    return before === undefined ? false : done(upsertVariable(tx, change(before)))
  })
}

/** Forgets a variable; false when there is none. */
export function forgetVariable(database: Database, key: string, by: SecretChange): Promise<boolean> {
  return audited(database, { ...by, event: 'variable.deleted', detail: { key } }, (tx) => deleteVariable(tx, key))
}

/** Creates a connection; false when there is one. */
export function createConnection(database: Database, row: ConnectionRow, by: SecretChange): Promise<boolean> {
  return audited(database, connectionSet(row.connection_id, by), (tx) => insertConnection(tx, row))
}

/** Writes a connection, over an older one. */
export async function setConnection(database: Database, row: ConnectionRow, by: SecretChange): Promise<void> {
  await audited(database, connectionSet(row.connection_id, by), (tx) => done(upsertConnection(tx, row)))
}

/** Makes of a connection what `change` makes of it; false when there is none. */
export function changeConnection(
  database: Database,
  id: string,
  change: (before: ConnectionRow) => ConnectionRow,
  by: SecretChange,
): Promise<boolean> {
  return audited(database, connectionSet(id, by), async (tx) => {
    const before = await holdConnection(tx, id)
    return before === undefined ? false : done(upsertConnection(tx, change(before)))
  })
}

/** Forgets a connection; false when there is none. */
export function forgetConnection(database: Database, id: string, by: SecretChange): Promise<boolean> {
  const what = { ...by, event: 'connection.deleted', detail: { connection_id: id } }
  return audited(database, what, (tx) => deleteConnection(tx, id))
}

/** Notes that somebody saw a secret in plain text. */
export async function noteReveal(
  database: Database,
  detail: Readonly<Record<string, string>>,
  by: SecretChange,
): Promise<void> {
  await audited(database, { ...by, event: 'secret.revealed', detail }, () => Promise.resolve(true))
}

/** Makes everything anew, as under a new key, in one transaction. Answers how many there are. */
export async function resealSecrets(
  database: Database,
  reseal: {
    readonly keyId: string
    variable(row: VariableRow): VariableRow
    connection(row: ConnectionRow): ConnectionRow
  },
  by: SecretChange,
): Promise<{ readonly variables: number; readonly connections: number }> {
  const counts = { variables: 0, connections: 0 }
  const what = { ...by, event: 'secret.key_rotated', detail: { key_id: reseal.keyId } }
  await audited(database, what, async (tx) => {
    for (const row of await holdVariables(tx)) {
      await upsertVariable(tx, reseal.variable(row))
      counts.variables += 1
    }
    for (const row of await holdConnections(tx)) {
      await upsertConnection(tx, reseal.connection(row))
      counts.connections += 1
    }
    return true
  })
  return counts
}

function variableSet(key: string, by: SecretChange): Audited {
  return { ...by, event: 'variable.set', detail: { key } }
}

function connectionSet(id: string, by: SecretChange): Audited {
  return { ...by, event: 'connection.set', detail: { connection_id: id } }
}

function audited(
  database: Database,
  { event, actor, detail, now }: Audited,
  change: (tx: Tx) => Promise<boolean>,
): Promise<boolean> {
  return database.transaction(async (tx) => {
    const isChanged = await change(tx)
    if (isChanged) await appendAudit(tx, [{ event, actor, detail }], now)
    return isChanged
  })
}

async function done(write: Promise<void>): Promise<true> {
  await write
  return true
}
