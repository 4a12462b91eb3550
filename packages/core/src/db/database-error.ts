/** Codes of a DatabaseError. */
export type DatabaseErrorCode =
  | 'DATABASE_IN_USE'
  | 'DATABASE_NOT_SHARED'
  | 'DATABASE_UNAVAILABLE'
  | 'DATABASE_TOO_NEW'
  | 'DATABASE_NOT_MIGRATED'
  | 'DATABASE_FULL'

/** The database cannot be used; the sentence says what to do. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode

  constructor(code: DatabaseErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseError'
    this.code = code
  }
}
