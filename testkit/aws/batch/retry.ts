/** Batch's own retries, as rules: how often a job is tried, and which ends are worth another try. */

/** What a definition or a submit says of retries, in the API's words. */
export interface RetryStrategy {
  readonly attempts?: number | undefined
  readonly evaluateOnExit?: readonly ExitRule[] | undefined
}

/** One rule: what an attempt's end must look like, and what then. A trailing `*` stands for anything. */
export interface ExitRule {
  readonly onExitCode?: string | undefined
  readonly onReason?: string | undefined
  readonly onStatusReason?: string | undefined
  readonly action: string
}

/** How an attempt failed, as rules look at it. */
export interface AttemptFailure {
  readonly exitCode: number | null
  readonly reason: string | null
  readonly statusReason: string
}

/** True when a job that failed so, after this many attempts, is tried again. */
export function isTriedAgain(strategy: RetryStrategy, attemptsMade: number, failure: AttemptFailure): boolean {
  if (attemptsMade >= (strategy.attempts ?? 1)) return false
  const rule = (strategy.evaluateOnExit ?? []).find((one) => fits(one, failure))
  return (rule?.action ?? 'RETRY').toUpperCase() === 'RETRY'
}

function fits(rule: ExitRule, { exitCode, reason, statusReason }: AttemptFailure): boolean {
  return (
    matches(rule.onExitCode, exitCode === null ? null : String(exitCode)) &&
    matches(rule.onReason, reason) &&
    matches(rule.onStatusReason, statusReason)
  )
}

function matches(pattern: string | undefined, text: string | null): boolean {
  if (pattern === undefined) return true
  if (text === null) return false
  const [wanted, actual] = [pattern.toLowerCase(), text.toLowerCase()]
  return wanted.endsWith('*') ? actual.startsWith(wanted.slice(0, -1)) : actual === wanted
}
