/** Every code of an {@link ExecutorError}. */
export const EXECUTOR_ERROR_CODES = [
  'EXECUTOR_PARALLELISM_INVALID',
  'EXECUTOR_WORKLOAD_UNSUPPORTED',
  'EXECUTOR_WORKLOAD_TOO_LARGE',
  'EXECUTOR_NO_CALLBACK_OUTBOX',
  'EXECUTOR_NOT_STARTED',
  'EXECUTOR_ENDED',
  'EXECUTOR_HOST_NOT_PROVIDED',
  'EXECUTOR_CANNOT_REVOKE',
  'EXECUTOR_OUTCOME_UNKNOWN',
  'EXECUTOR_LAUNCH_POSTPONED',
  'EXECUTOR_LAUNCH_REFUSED',
  'EXECUTOR_CLASS_INVALID',
] as const

/** One of {@link EXECUTOR_ERROR_CODES}. */
export type ExecutorErrorCode = (typeof EXECUTOR_ERROR_CODES)[number]

/** An error of this package. Compare `code`, never the class: two copies of the package happen. */
export class ExecutorError extends Error {
  readonly code: ExecutorErrorCode

  constructor(code: ExecutorErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ExecutorError'
    this.code = code
  }
}

/**
 * The error with which `executeAsync` says that it cannot know whether the work began: a lost answer, a closed
 * connection. The workload stays, and the call is repeated with the same dispatch id.
 */
export function outcomeUnknown(detail: string, cause?: unknown): ExecutorError {
  return new ExecutorError('EXECUTOR_OUTCOME_UNKNOWN', detail, { cause })
}

/**
 * The error with which `executeAsync` says that nothing began, and that it may be tried again after so many milliseconds:
 * the outside throttles, or has no room. The workload waits, and `detail` says for what.
 */
export function launchPostponed(detail: string, afterMs: number, cause?: unknown): ExecutorError {
  return Object.assign(new ExecutorError('EXECUTOR_LAUNCH_POSTPONED', detail, { cause }), { afterMs })
}

/**
 * The error with which `executeAsync` says that nothing began, and that the same would be refused each time: what is asked
 * for does not exist, or is not allowed. The task fails at once, with `detail`, whatever launches and tries are left.
 */
export function launchRefused(detail: string, cause?: unknown): ExecutorError {
  return new ExecutorError('EXECUTOR_LAUNCH_REFUSED', detail, { cause })
}

/** How long an error made by {@link launchPostponed}, whatever copy of this package made it, asks to wait; else null. */
export function postponementOf(error: unknown): number | null {
  const code: ExecutorErrorCode = 'EXECUTOR_LAUNCH_POSTPONED'
  const isOne = error instanceof Error && 'code' in error && error.code === code && 'afterMs' in error
  return isOne && typeof error.afterMs === 'number' ? error.afterMs : null
}

/** True for an error made by {@link outcomeUnknown}, whatever copy of this package made it. */
export function isOutcomeUnknown(error: unknown): boolean {
  return hasCode(error, 'EXECUTOR_OUTCOME_UNKNOWN')
}

/** True for an error made by {@link launchRefused}, whatever copy of this package made it. */
export function isLaunchRefused(error: unknown): boolean {
  return hasCode(error, 'EXECUTOR_LAUNCH_REFUSED')
}

function hasCode(error: unknown, code: ExecutorErrorCode): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
