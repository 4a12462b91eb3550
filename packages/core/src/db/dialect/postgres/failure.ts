import { DatabaseError } from '../../database-error.ts'

/** disk_full. */
const FULL = '53100'
/** No way to the server, none in, one that shuts down or starts, and more connections than it takes. */
const AWAY = /^(08|28|3D|57P|53300)/

/** What an error of the driver's means in our words; itself where there are none better. */
export function postgresFailure(error: unknown, location: string): unknown {
  if (!(error instanceof Error)) return error
  const sqlState = sqlStateOf(error)
  if (sqlState === FULL) {
    return new DatabaseError(
      'DATABASE_FULL',
      `The disk of the database at ${location} is full. Free space there. What was accepted is kept, and work goes on by itself.`,
      { cause: error },
    )
  }
  if (sqlState !== null && !AWAY.test(sqlState)) return error
  return new DatabaseError(
    'DATABASE_UNAVAILABLE',
    `The database at ${location} cannot be reached: ${error.message}. Start it, or correct database.url. Work goes on by itself when it is back.`,
    { cause: error },
  )
}

/** Null where the server did not answer: its answers have a SQLSTATE, and nothing else has. */
export function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error)) return null
  const code = String(error.code)
  return /^[0-9][0-9A-Z]{4}$/.test(code) ? code : null
}
