import type { ExecutorClock } from '@fairlead/executor'

interface Sleeper {
  readonly wakeAt: number
  wake(): void
}

/** A clock that stands still until a test advances it. */
export class ManualClock implements ExecutorClock {
  #now: number
  #sleepers = new Set<Sleeper>()

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const sleeper: Sleeper = { wakeAt: this.#now + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers.delete(sleeper)
        reject(signal.reason as Error)
      })
    })
  }

  /** Moves time on, and wakes what is due. */
  advance(ms: number): void {
    this.#now += ms
    for (const sleeper of this.#sleepers) {
      if (sleeper.wakeAt > this.#now) continue
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }

  get sleeperCount(): number {
    return this.#sleepers.size
  }
}
