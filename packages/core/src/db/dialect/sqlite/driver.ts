import { createRequire } from 'node:module'

/**
 * SQLite as `node:sqlite` has it. The built-in module is used where its SQLite has the write-ahead-log fix of 3.51.3
 * (see the libraries study); elsewhere the same interface comes from a package.
 */

/** A prepared statement. */
export interface SqliteStatement {
  all(...params: unknown[]): Record<string, unknown>[]
  columns(): ReadonlyArray<{ readonly name: string }>
  run(...params: unknown[]): { changes: number | bigint; lastInsertRowid: number | bigint }
}

/** An open connection. */
export interface SqliteConnection {
  prepare(sql: string): SqliteStatement
  exec(sql: string): void
  /** True between `begin` and the end of the transaction. */
  readonly isTransaction: boolean
  close(): void
}

interface SqliteModule {
  DatabaseSync: new (path: string, options?: { readOnly?: boolean; timeout?: number }) => SqliteConnection
}

const FIXED_VERSION = [3, 51, 3] as const

/** Opens a connection. Throws the driver's error when the file cannot be opened. */
export function openSqlite(path: string, options: { readOnly: boolean }): SqliteConnection {
  const { DatabaseSync } = loadModule()
  return new DatabaseSync(path, options)
}

/** The version of SQLite that embedded databases are opened with. */
export function sqliteVersion(): string {
  const connection = openSqlite(':memory:', { readOnly: false })
  try {
    return String(connection.prepare('select sqlite_version() as version').all()[0]?.['version'])
  } finally {
    connection.close()
  }
}

function loadModule(): SqliteModule {
  const require = createRequire(import.meta.url)
  if (!hasFixedSqlite(process.versions['sqlite'])) return require('@photostructure/sqlite') as SqliteModule
  return withoutExperimentalWarning(() => require('node:sqlite') as SqliteModule)
}

function hasFixedSqlite(version: string | undefined): boolean {
  if (version === undefined) return false
  const parts = version.split('.').map(Number)
  for (const [index, wanted] of FIXED_VERSION.entries()) {
    const found = parts[index] ?? 0
    if (found !== wanted) return found > wanted
  }
  return true
}

// node:sqlite warns at its first require on Node 22; a warning on every start helps nobody.
function withoutExperimentalWarning<T>(load: () => T): T {
  const emitWarning = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}
