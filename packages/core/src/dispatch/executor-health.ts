import type { Environment } from '../model/environment.ts'
import { afterFailure, leftAlone, type ExecutorCondition, type ExecutorFailure } from '../model/executor-state.ts'
import type { Log } from '../observability/log.ts'
import { isWoken } from './wakeup.ts'

/** Whose health it is, and who wants to know. */
export interface ExecutorHealthOptions {
  readonly executor: string
  readonly environment: Environment
  readonly log: Log
  /** Its condition is another one. */
  onChange(): void
}

/** How one executor fares: its condition, what moves it, and what ends as soon as it is no longer well. */
export class ExecutorHealth {
  readonly #options: ExecutorHealthOptions
  #condition: ExecutorCondition
  #lastFailure: ExecutorFailure | null = null
  /** Ends the work under way. */
  #broken: AbortController | null = null

  constructor(options: ExecutorHealthOptions) {
    this.#options = options
    this.#condition = { kind: 'starting', since: options.environment.clock.now() }
  }

  get condition(): ExecutorCondition {
    return this.#condition
  }

  /** The failure that came last, however long ago. */
  get lastFailure(): ExecutorFailure | null {
    return this.#lastFailure
  }

  enter(kind: 'healthy' | 'stopped'): void {
    this.#become({ kind, since: this.#options.environment.clock.now() })
  }

  /** Takes a failure in. `inARow`: throws of that member without an answer in between. */
  fail(failure: ExecutorFailure, inARow: number): void {
    const { log, executor } = this.#options
    this.#lastFailure = failure
    const next = afterFailure(this.#condition, failure, inARow)
    if (next === this.#condition) return
    if (this.#condition.kind !== 'degraded' && next.kind === 'degraded')
      log.warn('executor is degraded and takes no work', { executor, reason: next.reason })
    this.#become(next)
    this.#broken?.abort(new Error('The executor is degraded.'))
  }

  /** Works until the signal aborts or the executor is no longer healthy. */
  async whileHealthy(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const broken = new AbortController()
    const both = AbortSignal.any([signal, broken.signal])
    this.#broken = broken
    if (this.#condition.kind === 'healthy') await work(both)
    this.#broken = null
  }

  /** Leaves a degraded executor alone for a while. */
  async pause(signal: AbortSignal): Promise<void> {
    const condition = this.#condition
    if (condition.kind !== 'degraded') return
    const { clock, random } = this.#options.environment
    const left = leftAlone(condition, clock.now(), random.unit())
    this.#become(left)
    await isWoken(clock.sleep(left.nextTryAt - clock.now(), signal))
    this.#condition = { ...left, nextTryAt: null }
  }

  #become(condition: ExecutorCondition): void {
    this.#condition = condition
    this.#options.onChange()
  }
}
