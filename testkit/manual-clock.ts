import type { Clock } from '../packages/core/src/model/environment.ts'

interface Sleeper {
  readonly wakeAt: number
  wake(): void
}

/** A clock that stands still until a test advances it. */
export class ManualClock implements Clock {
  #now: number
  #sleepers = new Set<Sleeper>()

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  async yield(): Promise<void> {
    await new Promise(setImmediate)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        this.#sleepers.delete(sleeper)
        reject(signal?.reason as Error)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const sleeper: Sleeper = { wakeAt: this.#now + ms, wake }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', abort, { once: true })
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
