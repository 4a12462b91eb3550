import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'
import type pg from 'pg'
import { FIXED } from '../fixed.ts'
import { ANNOUNCE, commitWithNews } from './announcements.ts'
import { connectFailure, endsConnection, queryFailure } from './failure.ts'

/** Begins a statement after which those of its transaction may take as long as they need: it changes the schema. */
export const PATIENT = '/* patient */'

const A_DAY_MS = 86_400_000

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
  // What a process that was cut off or stopped has locked is free again after this long.
  `set local idle_in_transaction_session_timeout = '10s'`,
].join('; ')

/** Runs Kysely's queries on a pool, preparing each of our fixed statements once per connection. */
export class PostgresKyselyDriver implements Driver {
  readonly #pool: pg.Pool
  readonly #location: string
  readonly #origin: string

  /** `location` is named in errors, `origin` in announcements. */
  constructor(pool: pg.Pool, { location, origin }: { location: string; origin: string }) {
    this.#pool = pool
    this.#location = location
    this.#origin = origin
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    try {
      return new PooledConnection(await this.#pool.connect(), this.#location)
    } catch (error) {
      throw connectFailure(error, this.#location)
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    asPooled(connection).release()
  }

  async beginTransaction(connection: DatabaseConnection, _settings: TransactionSettings): Promise<void> {
    const pooled = asPooled(connection)
    pooled.hasNews = false
    pooled.isPatient = false
    await pooled.run({ text: BEGIN })
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const pooled = asPooled(connection)
    await pooled.run({ text: pooled.hasNews ? commitWithNews(this.#origin) : 'commit' })
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    const pooled = asPooled(connection)
    // A connection that broke has rolled back by that, and what broke it is the error to tell.
    if (!pooled.isBroken) await pooled.run({ text: 'rollback' })
  }

  async destroy(): Promise<void> {}
}

function asPooled(connection: DatabaseConnection): PooledConnection {
  if (connection instanceof PooledConnection) return connection
  throw new Error('A connection of another driver was handed to the PostgreSQL driver.')
}

class PooledConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient
  readonly #location: string
  #isBroken = false
  /** True when the commit is to be announced. */
  hasNews = false
  /** True when statements may take longer than is usual. */
  isPatient = false

  constructor(client: pg.PoolClient, location: string) {
    this.#client = client
    this.#location = location
  }

  /** True when the connection is not to be used again. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (query.sql === ANNOUNCE) {
      this.hasNews = true
      return { rows: [] }
    }
    if (query.sql.startsWith(PATIENT)) this.isPatient = true
    const name = query.sql.startsWith(FIXED) ? { name: nameOf(query.sql) } : {}
    const result = await this.run({ text: query.sql, values: [...query.parameters], ...name })
    return { rows: result.rows as R[], numAffectedRows: BigInt(result.rowCount ?? 0) }
  }

  async run(query: pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await this.#client.query(this.isPatient ? patient(query) : query)
    } catch (error) {
      this.#isBroken ||= endsConnection(error)
      throw queryFailure(error, this.#location)
    }
  }

  // eslint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('PostgreSQL queries are not streamed.')
  }

  release(): void {
    this.#client.release(this.#isBroken)
  }
}

/** pg takes a timeout for each query, which its types do not know. */
function patient(query: pg.QueryConfig): pg.QueryConfig & { readonly query_timeout: number } {
  return { ...query, query_timeout: A_DAY_MS }
}

const names = new Map<string, string>()

function nameOf(sql: string): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  const name = `fairlead_${names.size}`
  names.set(sql, name)
  return name
}
