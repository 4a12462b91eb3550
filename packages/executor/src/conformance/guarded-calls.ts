import { Violation } from './violation.ts'

/** A call that did not settle. */
class Hang extends Violation {}

/**
 * Calls into an executor, as dispatch makes them: each is given a signal, waited for no longer than the kit's patience,
 * and its synchronous part is timed, since nobody can interrupt that.
 */
export class GuardedCalls {
  /** The longest time for which each member kept the event loop, in milliseconds. */
  readonly longestBlockMs: Map<string, number> = new Map()
  readonly #patienceMs: number
  readonly #problems: string[] = []

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** Makes a call that must settle; throws what it throws. */
  async make<T>(member: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const over = new AbortController()
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => {
        reject(new Hang(`${member}() did not settle within ${this.#patienceMs} ms.`))
        over.abort(new Error(`${member}() took too long`))
      }, this.#patienceMs)
      over.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    })
    try {
      return await Promise.race([this.sync(member, () => call(over.signal)), late])
    } finally {
      over.abort(new Error('the call is over'))
    }
  }

  /** Makes a call that may throw, and must settle. */
  async settle(member: string, call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    try {
      await this.make(member, call)
    } catch (error) {
      if (error instanceof Hang) throw error
    }
  }

  /** True when a call throws; it must settle. */
  async rejects(member: string, call: (signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
    try {
      await this.make(member, call)
      return false
    } catch (error) {
      if (error instanceof Hang) throw error
      return true
    }
  }

  /** Makes a call that may fail; keeps why. */
  async attempt(call: (signal: AbortSignal) => Promise<unknown>, member = 'call'): Promise<void> {
    try {
      await this.make(member, call)
    } catch (error) {
      this.#problems.push(`${member}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Makes a synchronous call, or the synchronous part of another one. */
  sync<T>(member: string, call: () => T): T {
    const before = performance.now()
    try {
      return call()
    } finally {
      const blockedMs = performance.now() - before
      this.longestBlockMs.set(member, Math.max(blockedMs, this.longestBlockMs.get(member) ?? 0))
    }
  }

  /** What went wrong in calls that may fail, as a sentence to append to a violation. */
  get problems(): string {
    const last = this.#problems.at(-1)
    return last === undefined ? '' : ` The last call that failed: ${last}`
  }
}
