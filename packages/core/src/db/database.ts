import { CompiledQuery, Kysely, type Transaction } from 'kysely'
import type { AnnouncementListener, Engine, SqlFragments, Statement, Window, WindowRow } from './dialect/dialect.ts'
import { openPostgresEngine, type PostgresOptions } from './dialect/postgres/engine.ts'
import { openSqliteEngine, type SqliteDurability } from './dialect/sqlite/engine.ts'
import type { Schema } from './schema.ts'

export { sqliteVersion } from './dialect/sqlite/driver.ts'

/** The database: transactions for deciding, a reader for looking. */
export interface Database {
  /**
   * Runs `work` in one transaction: committed when it resolves, rolled back when it throws. It may run more than once:
   * who loses against another transaction is tried again.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** For queries outside a transaction. Never use it inside one. */
  readonly read: Kysely<Schema>
  /** Hears what transactions of other processes announced, until the signal aborts. Never rejects. */
  listen(listener: AnnouncementListener, signal: AbortSignal): Promise<void>
  /** True when no other process can have this database open. */
  readonly isExclusive: boolean
  /** The text in which its engine differs from others. */
  readonly fragments: SqlFragments
  /** Where it is, without credentials. */
  readonly location: string
  /** Statements run since it was opened; what benchmarks count. */
  readonly statementCount: number
  close(): Promise<void>
}

/** An open transaction. */
export interface Tx {
  /** Runs a fixed statement. */
  all<R>(statement: Statement, parameters?: readonly unknown[]): Promise<R[]>
  /** The task instances that a run's window holds: its first places in admission order. */
  windowOf(windows: readonly Window[]): Promise<readonly WindowRow[]>
  /** Says at the commit, to other processes, that schedulers may find something to do. A hint, which may be lost. */
  announce(): Promise<void>
  /** Builds and runs a query inside this transaction. */
  readonly query: Transaction<Schema>
}

/** Where the database is and how to hold it. */
export interface DatabaseOptions {
  /** A file path, `:memory:`, or `postgres://…`. */
  readonly url: string
  /** SQLite only. Default `normal`. */
  readonly durability?: SqliteDurability
  /** PostgreSQL only: the most connections. Default 10. */
  readonly connections?: number
  /** PostgreSQL only: how long a connection may take to be had. Default 10 seconds. */
  readonly connectTimeoutMs?: number
  /** PostgreSQL only: how long a statement may take before its connection counts as lost. Default 30 seconds. */
  readonly statementTimeoutMs?: number
  /** Named to a second process that wants the same embedded database. */
  readonly pid: number
}

/**
 * Opens a database.
 *
 * @throws {DatabaseError} `DATABASE_IN_USE`, `DATABASE_UNAVAILABLE`.
 */
export function openDatabase(options: DatabaseOptions): Database {
  return databaseOver(openEngine(options))
}

/** True where several processes may have the database open. */
export function isShareable(url: string): boolean {
  return /^postgres(ql)?:/.test(url)
}

function openEngine(options: DatabaseOptions): Engine {
  if (isShareable(options.url)) return openPostgresEngine(options.url, postgresOptions(options))
  return openSqliteEngine(options.url, { durability: options.durability ?? 'normal', pid: options.pid })
}

function postgresOptions(options: DatabaseOptions): PostgresOptions {
  const { connections = 10, connectTimeoutMs = 10_000, statementTimeoutMs = 30_000 } = options
  return { connections, connectTimeoutMs, statementTimeoutMs }
}

function databaseOver(engine: Engine): Database {
  const counter = { statements: 0 }
  const write = new Kysely<Schema>({ dialect: engine.dialect })
  const read = engine.readDialect === engine.dialect ? write : new Kysely<Schema>({ dialect: engine.readDialect })
  return {
    transaction: (work) =>
      withRetries(engine, () => write.transaction().execute((query) => work(transactionOver(query, engine, counter)))),
    read,
    listen: (listener, signal) => engine.listen(listener, signal),
    isExclusive: engine.isExclusive,
    fragments: engine.fragments,
    location: engine.location,
    get statementCount() {
      return counter.statements
    },
    close: async () => {
      await write.destroy()
      if (read !== write) await read.destroy()
      await engine.close()
    },
  }
}

const MOST_ATTEMPTS = 5

// A transaction that lost against another one has left no trace and is simply run again.
async function withRetries<T>(engine: Engine, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === MOST_ATTEMPTS || !engine.isVictim(error)) throw error
    }
  }
}

function transactionOver(query: Transaction<Schema>, engine: Engine, counter: { statements: number }): Tx {
  const all = async <R>(statement: Statement, parameters: readonly unknown[] = []): Promise<R[]> => {
    counter.statements += 1
    const compiled = CompiledQuery.raw(statement.textFor(engine.fragments), [...parameters])
    const result = await query.executeQuery<R>(compiled)
    return result.rows
  }
  const announce = (): Promise<void> => engine.announce((text) => query.executeQuery(CompiledQuery.raw(text)))
  return { query, all, announce, windowOf: (windows) => engine.windowOf(all, windows) }
}
