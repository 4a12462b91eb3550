import { TASK_ERROR_BRAND } from './symbols.ts'

/** Codes of the mistakes that the SDK refuses. */
export const AUTHOR_ERROR_CODES = [
  'DAG_ID_INVALID',
  'TASK_ID_INVALID',
  'TASK_ID_MISSING',
  'TASK_DUPLICATE',
  'TASK_NOT_PLACED',
  'TASK_UNKNOWN',
  'TASK_OF_OTHER_DAG',
  'TASK_OPTION_INVALID',
  'DAG_OPTION_INVALID',
  'DAG_CYCLE',
  'INPUT_UNSERIALISABLE',
  'OUTSIDE_TASK',
  'TEST_DRIVER_MISSING',
] as const

/** One of {@link AUTHOR_ERROR_CODES}. */
export type AuthorErrorCode = (typeof AUTHOR_ERROR_CODES)[number]

/** A mistake in a Dag file, with a sentence that says what to do. */
export class AuthorError extends Error {
  readonly code: AuthorErrorCode
  /** `file:line` of the mistake where it is not the place that threw, or null. */
  readonly location: string | null
  constructor(code: AuthorErrorCode, message: string, location: string | null = null) {
    super(message)
    this.name = 'AuthorError'
    this.code = code
    this.location = location
  }
}

/** Thrown by a handler: the task has failed, and no retry can help. */
export class FailTask extends Error {
  readonly [TASK_ERROR_BRAND] = 'fail'
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FailTask'
  }
}

/** Thrown by a handler: there is nothing to do, and the task is skipped. */
export class SkipTask extends Error {
  readonly [TASK_ERROR_BRAND] = 'skip'
  constructor(message = 'The task asked to be skipped.', options?: ErrorOptions) {
    super(message, options)
    this.name = 'SkipTask'
  }
}

/** What an error thrown by a handler asks for: no retry, a skip, or (null) the task's usual rules. */
export function requestOf(error: unknown): 'fail' | 'skip' | null {
  if (typeof error !== 'object' || error === null || !(TASK_ERROR_BRAND in error)) return null
  const request = error[TASK_ERROR_BRAND]
  return request === 'fail' || request === 'skip' ? request : null
}
