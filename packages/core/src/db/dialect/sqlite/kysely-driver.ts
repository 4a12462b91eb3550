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

type Prepared = (parameters: readonly unknown[]) => QueryResult<unknown>

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
      return this.#prepare(query.sql)(query.parameters) as QueryResult<R>
    } catch (error) {
      throw this.#inOurWords(error)
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('SQLite queries are not streamed.')
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const prepared = prepare(this.#connection, sql)
    if (this.#prepared.size >= CACHE_SIZE) this.#prepared.clear()
    this.#prepared.set(sql, prepared)
    return prepared
  }
}

function prepare(connection: SqliteConnection, sql: string): Prepared {
  const text = inSqliteWords(sql)
  const statement = connection.prepare(text)
  if (FIXED_ROWS.test(sql)) return prepareAsJson(connection, text, statement)
  if (RETURNS_ROWS.test(sql)) return (parameters) => ({ rows: statement.all(...parameters) })
  return (parameters) => {
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }
}

/**
 * A statement as SQLite likes it: it takes $1 for a name, and numbers parameters as ?1. A limit that is a bare parameter
 * is looked at while the statement is compiled, so that each run would compile it again, at twenty times its cost.
 */
export function inSqliteWords(sql: string): string {
  return sql.replaceAll(/\$(\d+)/g, '?$1').replaceAll(/\blimit (\?\d*)/g, 'limit cast($1 as integer)')
}

const FIXED_ROWS = /^\/\* fixed \*\/\s*(select|(insert|update|delete)\b[^]*\breturning)\b/
const RETURNS_ROWS = /^(\/\* fixed \*\/)?\s*(select|with|pragma|explain)\b|\breturning\b/i

// Each value that crosses from SQLite costs half a microsecond, and a tick reads thousands of rows of a dozen columns:
// as one text for each row they cost a third. Fixed statements return plain columns, no expressions without a name.
function prepareAsJson(connection: SqliteConnection, text: string, statement: SqliteStatement): Prepared {
  const names = statement.columns().map(({ name }) => name)
  const answer = `json_array(${names.join(', ')}) as answer`
  const asJson = connection.prepare(
    /\breturning\b/.test(text)
      ? text.replace(/\breturning\b[^]*$/, `returning ${answer}`)
      : `select ${answer} from (${text})`,
  )
  return (parameters) => {
    const answers = asJson.all(...parameters).map((row) => row['answer'])
    const rows = JSON.parse(`[${answers.join(',')}]`) as ReadonlyArray<readonly unknown[]>
    return { rows: rows.map((values) => named(names, values)) }
  }
}

function named(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (const [index, name] of names.entries()) row[name] = values[index]
  return row
}
