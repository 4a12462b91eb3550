import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, type Dialect } from 'kysely'
import { DatabaseError } from '../../database-error.ts'
import type { Engine } from '../dialect.ts'
import { openSqlite, type SqliteConnection } from './driver.ts'
import { sqliteFailure } from './failure.ts'
import { sqliteFragments } from './fragments.ts'
import { SqliteKyselyDriver } from './kysely-driver.ts'
import { takeOwnerLock } from './owner-lock.ts'
import { windowOf } from './window.ts'

/** How safely a commit reaches the disk: `full` survives a power cut, `normal` a crash of the process. */
export type SqliteDurability = 'normal' | 'full'

/**
 * Opens the embedded database, as its only owner.
 *
 * @throws {DatabaseError} `DATABASE_IN_USE` naming the owner's pid; `DATABASE_UNAVAILABLE` or `DATABASE_FULL` when it
 * cannot be opened.
 */
export function openSqliteEngine(path: string, options: { durability: SqliteDurability; pid: number }): Engine {
  if (path === ':memory:') return memoryEngine()
  const release = own(path, options.pid)
  const writer = openConnection(path, {
    readOnly: false,
    setup: `pragma journal_mode = wal; pragma synchronous = ${options.durability}; pragma busy_timeout = 5000;
      pragma wal_autocheckpoint = 16000; pragma cache_size = -64000; pragma temp_store = memory;`,
  })
  const reader = openConnection(path, { readOnly: true, setup: 'pragma busy_timeout = 5000;' })
  return {
    fragments: sqliteFragments,
    windowOf,
    dialect: dialectOver(writer, path),
    readDialect: dialectOver(reader, path),
    ...ALONE,
    isVictim: () => false,
    isExclusive: true,
    location: path,
    close: async () => {
      reader.close()
      writer.close()
      release()
    },
  }
}

/** There is no other process to tell anything, or to hear of. */
const ALONE: Pick<Engine, 'announce' | 'listen'> = {
  announce: async () => undefined,
  listen: (_listener, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    }),
}

function memoryEngine(): Engine {
  const connection = openSqlite(':memory:', { readOnly: false })
  const dialect = dialectOver(connection, ':memory:')
  return {
    fragments: sqliteFragments,
    windowOf,
    dialect,
    readDialect: dialect,
    ...ALONE,
    isVictim: () => false,
    isExclusive: true,
    location: ':memory:',
    close: async () => connection.close(),
  }
}

function own(path: string, pid: number): () => void {
  const lock = orUnavailable(path, () => {
    mkdirSync(dirname(path), { recursive: true })
    return takeOwnerLock(path, pid)
  })
  if (lock.kind === 'owned') return () => lock.release()
  const who = lock.by === null ? 'another process' : `process ${lock.by.pid}`
  throw new DatabaseError(
    'DATABASE_IN_USE',
    `The database "${path}" is open in ${who}. Stop it, or use another home folder: an embedded database has one owner.`,
  )
}

function openConnection(path: string, { readOnly, setup }: { readOnly: boolean; setup: string }): SqliteConnection {
  return orUnavailable(path, () => {
    const connection = openSqlite(path, { readOnly })
    connection.exec(setup)
    return connection
  })
}

function orUnavailable<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (cause) {
    const failure = sqliteFailure(cause, path)
    if (failure !== null) throw failure
    throw new DatabaseError(
      'DATABASE_UNAVAILABLE',
      `The database "${path}" cannot be opened. Check the folder's permissions and free space.`,
      { cause },
    )
  }
}

function dialectOver(connection: SqliteConnection, path: string): Dialect {
  const driver = new SqliteKyselyDriver(connection, (error) => sqliteFailure(error, path) ?? error)
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  }
}
