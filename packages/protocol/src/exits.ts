/**
 * How a workload's process ended, and why. A cause is what users read; it never changes once recorded:
 * the first cause of death wins.
 */

/** Why a try ended without success, in one word. */
export const FAILURE_CAUSES = [
  'user_error',
  'nonzero_exit',
  'timed_out',
  'v8_abort',
  'out_of_memory_killed',
  'killed_externally',
  'crashed',
  'cancelled',
  'never_started',
  'lost',
  'superseded',
  'shutdown',
] as const

/** One of {@link FAILURE_CAUSES}. */
export type FailureCause = (typeof FAILURE_CAUSES)[number]

/** The end of one workload's process, as the supervisor or the executor saw it. */
export type WorkloadExit =
  | { kind: 'exited'; exitCode: number }
  | { kind: 'signaled'; signal: string; cause: 'v8_abort' | 'out_of_memory_killed' | 'killed_externally' | 'crashed' }
  | { kind: 'timedOut'; timeoutMs: number }
  | { kind: 'cancelled'; detail: string }
  | { kind: 'shutdown'; detail: string }
  | { kind: 'superseded' }
  /** `isPermanent`: as it is, it would be refused each time. */
  | { kind: 'neverStarted'; detail: string; isPermanent?: true }
  | { kind: 'lost'; detail: string }
