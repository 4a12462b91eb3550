import { AwsError } from './aws-error.ts'

/** One page of a list, and the token of the next. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextToken: string | null
}

/** A page of at most `size` items from where the token says. Throws `code` for a token that nobody gave out. */
export function pageOf<T>(all: readonly T[], size: number, token: string | undefined, code: string): Page<T> {
  const start = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString())
  if (!Number.isInteger(start) || start < 0) throw new AwsError(code, 'Invalid token.')
  const end = start + size
  return {
    items: all.slice(start, end),
    nextToken: end < all.length ? Buffer.from(String(end)).toString('base64url') : null,
  }
}
