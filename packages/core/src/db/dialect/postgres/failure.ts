import { messageOf } from '../../../model/message-of.ts'
import { DatabaseError } from '../../database-error.ts'

/** disk_full. */
const FULL = '53100'
/** Connection exceptions, the class of a server that shuts down or starts, and a transaction that was idle for too long. */
const AWAY = /^(08|57P|25P03)/

/** What the error of a query means in our words; itself where there are none better. */
export function queryFailure(error: unknown, location: string): unknown {
  const sqlState = sqlStateOf(error)
  if (sqlState === FULL) {
    return new DatabaseError(
      'DATABASE_FULL',
      `The disk of the database at ${location} is full. Free space there. What was accepted is kept, and work goes on by itself.`,
      { cause: error },
    )
  }
  return endsConnection(error) ? connectFailure(error, location) : error
}

/** True where the server did not answer, or is about to hang up. */
export function endsConnection(error: unknown): boolean {
  const sqlState = sqlStateOf(error)
  return sqlState === null || AWAY.test(sqlState)
}

/** The error of a connection that could not be had. */
export function connectFailure(error: unknown, location: string): DatabaseError {
  const why = messageOf(error)
  return new DatabaseError(
    'DATABASE_UNAVAILABLE',
    `The database at ${location} cannot be reached: ${why}. Start it, or correct database.url. Work goes on by itself when it is back.`,
    { cause: error },
  )
}

/** Null where the server did not answer: its answers have a SQLSTATE, and nothing else has. */
function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error && 'code' in error)) return null
  const code = String(error.code)
  return /^[0-9][0-9A-Z]{4}$/.test(code) ? code : null
}
