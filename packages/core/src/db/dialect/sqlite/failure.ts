import { DatabaseError } from '../../database-error.ts'

/** SQLITE_FULL, and SQLITE_IOERR_WRITE and _SHMSIZE, with which writes beyond a quota or a limit on file sizes end. */
const FULL_CODES = new Set([13, 778, 4874])

/** What a driver's error means in our words, or null when there are none better than its own. */
export function sqliteFailure(error: unknown, path: string): DatabaseError | null {
  if (!(error instanceof Error && 'errcode' in error && FULL_CODES.has(Number(error.errcode)))) return null
  return new DatabaseError(
    'DATABASE_FULL',
    `The database "${path}" cannot grow: its disk is full, or a limit on the size of its files is reached. Free space there. What was accepted is kept, and work goes on by itself.`,
    { cause: error },
  )
}
