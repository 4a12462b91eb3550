import type { Database } from '../../db/database.ts'
import { findConnection, findVariable, type ConnectionRow, type VariableRow } from '../../db/queries/secrets.ts'
import type { Clock } from '../../model/environment.ts'
import {
  changeConnection,
  changeVariable,
  createConnection,
  createVariable,
  forgetConnection,
  forgetVariable,
  noteReveal,
  resealSecrets,
  setConnection,
  setVariable,
  type SecretChange,
} from '../../moves/change-secrets.ts'
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
 * Variables and connections in plain text, encrypted before they reach the database.
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
  async writeVariable(variable: PlainVariable, mode: WriteMode, actor: string): Promise<boolean> {
    const row = this.#sealVariable(variable)
    if (mode === 'create') return createVariable(this.#database, row, this.#by(actor))
    await setVariable(this.#database, row, this.#by(actor))
    return true
  }

  /** Keeps a connection; false when it must be new and is not. */
  async writeConnection(connection: PlainConnection, mode: WriteMode, actor: string): Promise<boolean> {
    const row = this.#sealConnection(connection)
    if (mode === 'create') return createConnection(this.#database, row, this.#by(actor))
    await setConnection(this.#database, row, this.#by(actor))
    return true
  }

  /** Changes a variable that nobody else changes meanwhile. Null when there is none. */
  async changeVariable(
    key: string,
    change: (before: PlainVariable) => PlainVariable,
    actor: string,
  ): Promise<PlainVariable | null> {
    let after: PlainVariable | null = null
    const apply = (row: VariableRow): VariableRow => this.#sealVariable((after = change(this.openVariable(row))))
    await changeVariable(this.#database, key, apply, this.#by(actor))
    return after
  }

  /** Changes a connection that nobody else changes meanwhile. Null when there is none. */
  async changeConnection(
    id: string,
    change: (before: PlainConnection) => PlainConnection,
    actor: string,
  ): Promise<PlainConnection | null> {
    let after: PlainConnection | null = null
    const apply = (row: ConnectionRow): ConnectionRow =>
      this.#sealConnection((after = change(this.openConnection(row))))
    await changeConnection(this.#database, id, apply, this.#by(actor))
    return after
  }

  /** Forgets a variable; false when there is none. */
  deleteVariable(key: string, actor: string): Promise<boolean> {
    return forgetVariable(this.#database, key, this.#by(actor))
  }

  /** Forgets a connection; false when there is none. */
  deleteConnection(id: string, actor: string): Promise<boolean> {
    return forgetConnection(this.#database, id, this.#by(actor))
  }

  /** Notes that somebody saw a secret in plain text. */
  noteReveal(what: Readonly<Record<string, string>>, actor: string): Promise<void> {
    return noteReveal(this.#database, what, this.#by(actor))
  }

  /** Puts everything under a new key, in one transaction. Answers how many there are. */
  async rotate(
    actor: string,
  ): Promise<{ readonly keyId: string; readonly variables: number; readonly connections: number }> {
    const keyId = this.vault.rotate()
    const reseal = {
      keyId,
      variable: (row: VariableRow) => this.#sealVariable(this.openVariable(row)),
      connection: (row: ConnectionRow) => this.#sealConnection(this.openConnection(row)),
    }
    return { keyId, ...(await resealSecrets(this.#database, reseal, this.#by(actor))) }
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

  #by(actor: string): SecretChange {
    return { actor, now: this.#clock.now() }
  }
}

const variablePlace = (key: string): string => `variable "${key}"`
const connectionPlace = (id: string, field: string): string => `connection "${id}" (${field})`
