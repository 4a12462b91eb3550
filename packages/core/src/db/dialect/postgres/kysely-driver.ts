import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'
import type pg from 'pg'
import { FIXED } from '../fixed.ts'

/**
 * Transactions address rows by their keys. Plans are told so, since statistics lag behind a table that grows from
 * nothing to 100,000 rows in seconds, and a plan made for the empty one would scan it for every task.
 */
const BEGIN = [
  'begin',
  'set local jit = off',
  'set local enable_seqscan = off',
  'set local enable_hashjoin = off',
  'set local enable_mergejoin = off',
  'set local plan_cache_mode = force_generic_plan',
].join('; ')

/** Runs Kysely's queries on a pool, preparing each of our fixed statements once per connection. */
export class PostgresKyselyDriver implements Driver {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new PooledConnection(await this.#pool.connect())
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    asPooled(connection).release()
  }

  async beginTransaction(connection: DatabaseConnection, _settings: TransactionSettings): Promise<void> {
    await asPooled(connection).client.query(BEGIN)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await asPooled(connection).client.query('commit')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await asPooled(connection).client.query('rollback')
  }

  async destroy(): Promise<void> {}
}

function asPooled(connection: DatabaseConnection): PooledConnection {
  if (connection instanceof PooledConnection) return connection
  throw new Error('A connection of another driver was handed to the PostgreSQL driver.')
}

class PooledConnection implements DatabaseConnection {
  readonly client: pg.PoolClient
  #isBroken = false

  constructor(client: pg.PoolClient) {
    this.client = client
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const values = [...query.parameters]
    const name = query.sql.startsWith(FIXED) ? { name: nameOf(query.sql) } : {}
    try {
      const result = await this.client.query({ text: query.sql, values, ...name })
      return { rows: result.rows as R[], numAffectedRows: BigInt(result.rowCount ?? 0) }
    } catch (error) {
      // No SQLSTATE means that the server did not answer: the connection is not to be used again.
      if (!(error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code))))
        this.#isBroken = true
      throw error
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('PostgreSQL queries are not streamed.')
  }

  release(): void {
    this.client.release(this.#isBroken)
  }
}

const names = new Map<string, string>()

function nameOf(sql: string): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  const name = `fairlead_${names.size}`
  names.set(sql, name)
  return name
}
