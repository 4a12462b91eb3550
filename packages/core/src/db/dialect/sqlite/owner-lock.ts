import { readFileSync, writeFileSync } from 'node:fs'
import { openSqlite, type SqliteConnection } from './driver.ts'

/**
 * One owner for an embedded database: an exclusive transaction held on a side database for as long as the process
 * lives. The kernel frees it when the process dies, however it dies.
 */

/** Who has the database open. */
export interface Owner {
  readonly pid: number
}

/** Result of asking for the lock. */
export type OwnerLock =
  | { readonly kind: 'owned'; release(): void }
  | { readonly kind: 'taken'; readonly by: Owner | null }

/** Takes the owner lock of the database at `path`, or says who has it. */
export function takeOwnerLock(path: string, pid: number): OwnerLock {
  const lockPath = `${path}.owner`
  const connection = openSqlite(lockPath, { readOnly: false })
  try {
    connection.exec('pragma busy_timeout = 0; pragma journal_mode = delete; begin exclusive')
  } catch {
    // Any failure to lock means that another process holds it; opening the file itself has already worked.
    connection.close()
    return { kind: 'taken', by: readOwner(`${lockPath}.pid`) }
  }
  writeFileSync(`${lockPath}.pid`, String(pid), { mode: 0o600 })
  return { kind: 'owned', release: () => release(connection) }
}

function release(connection: SqliteConnection): void {
  connection.exec('rollback')
  connection.close()
}

function readOwner(path: string): Owner | null {
  try {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10)
    return Number.isInteger(pid) ? { pid } : null
  } catch {
    return null // The owner has locked but not yet written its name.
  }
}
