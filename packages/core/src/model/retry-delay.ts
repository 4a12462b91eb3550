import type { RetryPolicy } from '@fairlead/protocol'

/** How long to wait before work is started again. `unit` is a random number in [0, 1), drawn by the caller. */

/** Delay before the retry that follows try `tryNumber` (1-based), in whole milliseconds. Never above `maxDelayMs`. */
export function retryDelayMs(policy: RetryPolicy, tryNumber: number, unit: number): number {
  if (policy.delayMs === 0) return 0
  const grown = policy.delayMs * policy.backoff ** Math.max(0, tryNumber - 1)
  const delay = Math.min(grown, policy.maxDelayMs)
  const shortest = delay * (1 - policy.jitter)
  // The spread ends at the cap instead of being cut there, so that capped retries do not all come at once.
  const longest = Math.min(delay * (1 + policy.jitter), policy.maxDelayMs)
  return Math.round(shortest + unit * (longest - shortest))
}

const FIRST_LAUNCH_DELAY_MS = 1_000
const LONGEST_LAUNCH_DELAY_MS = 60_000

/** Delay before work that never started is handed over again, after `launchAttempts` failed launches. Full jitter. */
export function launchBackoffMs(launchAttempts: number, unit: number): number {
  const grown = FIRST_LAUNCH_DELAY_MS * 2 ** Math.max(0, launchAttempts - 1)
  return Math.round(unit * Math.min(grown, LONGEST_LAUNCH_DELAY_MS))
}
