import type { DoubleClock } from './double-clock.ts'

/** A bucket of tokens, as AWS has one for each action: full it allows a burst, and it fills at a steady rate. */
export interface RateLimit {
  readonly burst: number
  readonly perSecond: number
}

/** Rates beyond which requests are throttled, by operation. There is no limit where none is set. */
export class RateLimits {
  readonly #clock: DoubleClock
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: DoubleClock) {
    this.#clock = clock
  }

  /** Limits an operation, for example `ecs:RunTask`, from now on; null lifts the limit. */
  set(operation: string, limit: RateLimit | null): void {
    if (limit === null) this.#buckets.delete(operation)
    else this.#buckets.set(operation, { limit, tokens: limit.burst, at: this.#clock.now() })
  }

  /** True when a request of this operation is within its rate, and uses it up. */
  take(operation: string): boolean {
    const bucket = this.#buckets.get(operation)
    if (bucket === undefined) return true
    const now = this.#clock.now()
    const { burst, perSecond } = bucket.limit
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}

interface Bucket {
  readonly limit: RateLimit
  tokens: number
  at: number
}
