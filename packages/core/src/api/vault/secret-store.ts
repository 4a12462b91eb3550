import type { Database, Tx } from '../../db/database.ts'
import { appendAudit } from '../../db/queries/audit.ts'
import {
  allConnections,
  allVariables,
  deleteConnection,
  deleteVariable,
  findConnection,
  findVariable,
  upsertConnection,
  upsertVariable,
  type ConnectionRow,
  type VariableRow,
} from '../../db/queries/secrets.ts'
import type { Clock } from '../../model/environment.ts'
import type { Vault } from './vault.ts'

/** A variable in plain text. */
export interface PlainVariable {
  readonly key: string
  readonly value: string
  readonly description: string | null
}

/** A connection in plain text; `extra` is JSON text. */
export interface PlainConnection {
  readonly connectionId: string
  readonly connType: string
  readonly description: string | null
  readonly host: string | null
  readonly login: string | null
  readonly password: string | null
  readonly schema: string | null
  readonly port: number | null
  readonly extra: string | null
}

/** Whether a write may replace what is there. */
export type WriteMode = 'create' | 'set'

/**
 * Variables and connections, encrypted before they reach the database. Every change is audited in its transaction, by
 * name and never by value.
 */
export class SecretStore {
  readonly vault: Vault
  readonly #database: Database
  readonly #clock: Clock

  constructor(database: Database, vault: Vault, clock: Clock) {
    this.#database = database
    this.vault = vault
    this.#clock = clock
  }

  /** One variable. Throws a `VaultError` when it cannot be decrypted. */
  async variable(key: string): Promise<PlainVariable | null> {
    const row = await findVariable(this.#database.read, key)
    return row === undefined ? null : this.openVariable(row)
  }

  /** One connection. Throws a `VaultError` when it cannot be decrypted. */
  async connection(id: string): Promise<PlainConnection | null> {
    const row = await findConnection(this.#database.read, id)
    return row === undefined ? null : this.openConnection(row)
  }

  /** A stored variable in plain text. */
  openVariable(row: VariableRow): PlainVariable {
    const { variable_key: key, description } = row
    return { key, value: this.vault.open(row.value, variablePlace(key)), description }
  }

  /** A stored connection in plain text. */
  openConnection(row: ConnectionRow): PlainConnection {
    const {
      connection_id: connectionId,
      conn_type: connType,
      description,
      host,
      login,
      schema_name: schema,
      port,
    } = row
    const open = (field: 'password' | 'extra'): string | null => {
      const sealed = row[field]
      return sealed === null ? null : this.vault.open(sealed, connectionPlace(connectionId, field))
    }
    const [password, extra] = [open('password'), open('extra')]
    return { connectionId, connType, description, host, login, password, schema, port, extra }
  }

  /** Keeps a variable; false when it must be new and is not. */
  writeVariable(variable: PlainVariable, mode: WriteMode, actor: string): Promise<boolean> {
    return this.#change(actor, 'variable.set', { key: variable.key }, async (tx) => {
      if (mode === 'create' && (await findVariable(tx.query, variable.key)) !== undefined) return false
      await upsertVariable(tx, this.#sealVariable(variable))
      return true
    })
  }

  /** Keeps a connection; false when it must be new and is not. */
  writeConnection(connection: PlainConnection, mode: WriteMode, actor: string): Promise<boolean> {
    return this.#change(actor, 'connection.set', { connection_id: connection.connectionId }, async (tx) => {
      if (mode === 'create' && (await findConnection(tx.query, connection.connectionId)) !== undefined) return false
      await upsertConnection(tx, this.#sealConnection(connection))
      return true
    })
  }

  /** Forgets a variable; false when there is none. */
  deleteVariable(key: string, actor: string): Promise<boolean> {
    return this.#change(actor, 'variable.deleted', { key }, (tx) => deleteVariable(tx, key))
  }

  /** Forgets a connection; false when there is none. */
  deleteConnection(id: string, actor: string): Promise<boolean> {
    return this.#change(actor, 'connection.deleted', { connection_id: id }, (tx) => deleteConnection(tx, id))
  }

  /** Notes that somebody saw a secret in plain text. */
  async noteReveal(what: Readonly<Record<string, string>>, actor: string): Promise<void> {
    await this.#change(actor, 'secret.revealed', what, () => Promise.resolve(true))
  }

  /** Puts everything under a new key, in one transaction. Answers how many there are. */
  async rotate(
    actor: string,
  ): Promise<{ readonly keyId: string; readonly variables: number; readonly connections: number }> {
    const keyId = this.vault.rotate()
    const counts = { variables: 0, connections: 0 }
    await this.#change(actor, 'secret.key_rotated', { key_id: keyId }, async (tx) => {
      for (const row of await allVariables(tx)) {
        await upsertVariable(tx, this.#sealVariable(this.openVariable(row)))
        counts.variables += 1
      }
      for (const row of await allConnections(tx)) {
        await upsertConnection(tx, this.#sealConnection(this.openConnection(row)))
        counts.connections += 1
      }
      return true
    })
    return { keyId, ...counts }
  }

  #sealVariable({ key, value, description }: PlainVariable): VariableRow {
    const sealed = this.vault.seal(value, variablePlace(key))
    return { variable_key: key, value: sealed, description, updated_at: this.#clock.now() }
  }

  #sealConnection(connection: PlainConnection): ConnectionRow {
    const { connectionId, connType, schema, description, host, login, port } = connection
    const seal = (field: 'password' | 'extra'): string | null => {
      const text = connection[field]
      return text === null ? null : this.vault.seal(text, connectionPlace(connectionId, field))
    }
    const [password, extra, updated_at] = [seal('password'), seal('extra'), this.#clock.now()]
    return {
      connection_id: connectionId,
      conn_type: connType,
      schema_name: schema,
      description,
      host,
      login,
      password,
      port,
      extra,
      updated_at,
    }
  }

  #change(
    actor: string,
    event: string,
    detail: Readonly<Record<string, string>>,
    change: (tx: Tx) => Promise<boolean>,
  ): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const isChanged = await change(tx)
      if (isChanged) await appendAudit(tx, [{ event, actor, detail }], this.#clock.now())
      return isChanged
    })
  }
}

const variablePlace = (key: string): string => `variable "${key}"`
const connectionPlace = (id: string, field: string): string => `connection "${id}" (${field})`
