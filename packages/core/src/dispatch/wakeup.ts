import type { Clock } from '../model/environment.ts'

/** A bell that one loop listens for. Rung while nobody listens, it is heard at the next wait. */
export class Wakeup {
  readonly #clock: Clock
  #isRung = false
  #hear: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Ends the wait under way, or the next one. */
  ring(): void {
    this.#isRung = true
    this.#hear?.()
  }

  /** Resolves at the bell, or after `ms` milliseconds (null: no limit). Rejects with the signal's reason. */
  async wait(ms: number | null, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#isRung && (ms === null || ms > 0)) await this.#listen(ms, signal)
    this.#isRung = false
  }

  async #listen(ms: number | null, signal: AbortSignal): Promise<void> {
    const over = new AbortController()
    const rung = new Promise<void>((resolve, reject) => {
      this.#hear = resolve
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: over.signal })
    })
    try {
      // The sleep that loses the race is ended, and its rejection with it.
      await Promise.race(ms === null ? [rung] : [rung, this.#clock.sleep(ms, over.signal).catch(ignoreEnd)])
    } finally {
      this.#hear = null
      // A reason, or each wait would make an error of its own, stack and all, that nobody reads.
      over.abort(null)
    }
  }
}

function ignoreEnd(): void {}

/** False when a wait was ended by its signal. */
export async function isWoken(wait: Promise<void>): Promise<boolean> {
  try {
    await wait
    return true
  } catch {
    return false // Waits reject for one reason only: the signal.
  }
}
