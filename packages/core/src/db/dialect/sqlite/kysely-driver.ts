import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely'
import { Turnstile } from './turnstile.ts'
import type { SqliteConnection, SqliteStatement } from './driver.ts'

/** Runs Kysely's queries on one synchronous connection, one user at a time, with every statement prepared once. */
export class SqliteKyselyDriver implements Driver {
  readonly #turnstile = new Turnstile()
  readonly #sqlite: SqliteConnection
  readonly #connection: DatabaseConnection

  /** `inOurWords` answers what is to be thrown for an error of SQLite's. */
  constructor(connection: SqliteConnection, inOurWords: (error: unknown) => unknown) {
    this.#sqlite = connection
    this.#connection = new CachingConnection(connection, inOurWords)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#turnstile.enter()
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#turnstile.leave()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(statement('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(statement('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    // SQLite has rolled back by itself after some errors, a full disk among them.
    if (!this.#sqlite.isTransaction) return
    await connection.executeQuery(statement('rollback'))
  }

  async destroy(): Promise<void> {}
}

function statement(sql: string): CompiledQuery {
  return {
    sql,
    parameters: [],
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
  } as unknown as CompiledQuery
}

interface Prepared {
  readonly statement: SqliteStatement
  readonly returnsRows: boolean
}

const CACHE_SIZE = 500

class CachingConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection
  readonly #inOurWords: (error: unknown) => unknown
  readonly #prepared = new Map<string, Prepared>()

  constructor(connection: SqliteConnection, inOurWords: (error: unknown) => unknown) {
    this.#connection = connection
    this.#inOurWords = inOurWords
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return this.#execute(query)
    } catch (error) {
      throw this.#inOurWords(error)
    }
  }

  #execute<R>(query: CompiledQuery): QueryResult<R> {
    const { statement, returnsRows } = this.#prepare(query.sql)
    if (returnsRows) return { rows: statement.all(...query.parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...query.parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('SQLite queries are not streamed.')
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    // SQLite takes $1 for a name; ?1 is its way to number a parameter.
    const statement = this.#connection.prepare(sql.replaceAll(/\$(\d+)/g, '?$1'))
    const prepared = {
      statement,
      returnsRows: /^(\/\* fixed \*\/)?\s*(select|with|pragma|explain)\b/i.test(sql) || /\breturning\b/i.test(sql),
    }
    if (this.#prepared.size >= CACHE_SIZE) this.#prepared.clear()
    this.#prepared.set(sql, prepared)
    return prepared
  }
}
