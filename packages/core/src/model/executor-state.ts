/**
 * Where an executor instance stands in one scheduler, and what moves it.
 *
 * Invariant: only a healthy executor that is not draining takes work; every other state heals by itself, or by a command.
 */

/** A call into an executor that went wrong. */
export interface ExecutorFailure {
  /** The member that was called, or `adoption`. */
  readonly member: string
  readonly how: 'threw' | 'timedOut' | 'blocked'
  readonly reason: string
  readonly at: number
}

/** How an executor fares, whatever its drain. */
export type ExecutorCondition =
  | { readonly kind: 'starting'; readonly since: number }
  | { readonly kind: 'healthy'; readonly since: number }
  | {
      readonly kind: 'degraded'
      /** When it was last healthy, or began to start. */
      readonly since: number
      readonly reason: string
      /** How often it was tried since then; each time doubles the longest wait before the next. */
      readonly failures: number
      /** When it is tried again; null while it is being tried. */
      readonly nextTryAt: number | null
    }
  | { readonly kind: 'stopped'; readonly since: number }

/** An order to start nothing more on an executor. */
export interface ExecutorDrain {
  /** Where its waiting work goes; null: it waits. */
  readonly to: string | null
  /** Whether work that runs is stopped and begun again, rather than left to finish. */
  readonly moveRunning: boolean
  readonly since: number
}

/** Where an executor stands, as people are shown it. */
export type ExecutorState = ExecutorCondition | ({ readonly kind: 'draining' } & ExecutorDrain)

/** The state of an executor under a drain: what ails it matters more than that it drains. */
export function stateOf(condition: ExecutorCondition, drain: ExecutorDrain | null): ExecutorState {
  return condition.kind === 'healthy' && drain !== null ? { kind: 'draining', ...drain } : condition
}

const THROWS_UNTIL_DEGRADED = 3
/** Members that say nothing about the whole, unless they block: the work they were asked about could not be dealt with. */
const ABOUT_ONE_WORKLOAD: ReadonlySet<string> = new Set(['revokeTask', 'getTaskLog'])
const BLOCKED_UNTIL_DEGRADED_MS = 2_000

/** Whether time spent without letting the event loop go on is held against an executor. */
export function isBlocking(ms: number): boolean {
  return ms >= BLOCKED_UNTIL_DEGRADED_MS
}

/**
 * The condition after a failure, or the same one where nothing changes. `inARow` counts throws of that member without an
 * answer in between. One that hangs or blocks is degraded at once, as is one that is not well yet; a throw may be a hiccup.
 */
export function afterFailure(
  condition: ExecutorCondition,
  failure: ExecutorFailure,
  inARow: number,
): ExecutorCondition {
  if (failure.how !== 'blocked' && ABOUT_ONE_WORKLOAD.has(failure.member)) return condition
  switch (condition.kind) {
    case 'stopped':
      return condition
    case 'healthy':
      if (failure.how === 'threw' && inARow < THROWS_UNTIL_DEGRADED) return condition
      return degraded(failure, failure.at, 0)
    case 'starting':
      return degraded(failure, condition.since, 0)
    case 'degraded':
      // Between two tries nothing is asked of it that says whether it is well.
      if (condition.nextTryAt !== null) return condition
      return degraded(failure, condition.since, condition.failures)
    default:
      return condition satisfies never
  }
}

function degraded({ member, reason }: ExecutorFailure, since: number, failures: number): ExecutorCondition {
  return { kind: 'degraded', since, reason: `${member}: ${reason}`, failures, nextTryAt: null }
}

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 60_000

type Degraded = Extract<ExecutorCondition, { kind: 'degraded' }>

/** A degraded executor is left alone until its next try. Full jitter: `unit` is a number in [0, 1). */
export function leftAlone(condition: Degraded, now: number, unit: number): Degraded & { readonly nextTryAt: number } {
  const longestMs = Math.min(FIRST_RETRY_MS * 2 ** condition.failures, LONGEST_RETRY_MS)
  return { ...condition, failures: condition.failures + 1, nextTryAt: now + Math.round(unit * longestMs) }
}
