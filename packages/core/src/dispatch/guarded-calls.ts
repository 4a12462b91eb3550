import type { Environment } from '../model/environment.ts'
import { isBlocking, type ExecutorFailure } from '../model/executor-state.ts'
import { messageOf } from '../model/message-of.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { timeBox, type Boxed } from './time-box.ts'

/** What calls into one executor are made with. */
export interface GuardedCallsOptions {
  readonly executor: string
  readonly environment: Environment
  readonly log: Log
  readonly metrics: Metrics
  /** Told of each call that went wrong. `inARow`: throws of that member without an answer in between. */
  onFailure(failure: ExecutorFailure, inARow: number): void
}

/** A call that has not been answered yet. */
export interface CallUnderWay {
  readonly executor: string
  readonly member: string
  readonly since: number
}

/** A call that ignored its aborted signal for this many times its own limit is given up: it may never end. */
const GIVEN_UP_AFTER = 10
/** Blocking the event loop for less is not worth a line. */
const NOTED_BLOCK_MS = 250

/**
 * Every way into one executor: calls are time-boxed and counted, throws become values, and time in which it did not let
 * the event loop go on is measured.
 */
export class GuardedCalls {
  readonly #options: GuardedCallsOptions
  readonly #throwsInARow = new Map<string, number>()
  readonly #underWay = new Set<CallUnderWay>()

  constructor(options: GuardedCallsOptions) {
    this.#options = options
  }

  /** Calls that are not answered yet, also those that timed out. */
  get underWay(): readonly CallUnderWay[] {
    return [...this.#underWay]
  }

  /** Calls a member and waits at most `ms`. Never throws. */
  async call<T>(
    member: string,
    ms: number,
    call: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<Boxed<T>> {
    const { clock } = this.#options.environment
    const underWay = { executor: this.#options.executor, member, since: clock.monotonic() }
    const measured = async (callSignal: AbortSignal): Promise<T> => {
      try {
        return await this.#measured(member, () => call(callSignal))
      } finally {
        this.#underWay.delete(underWay)
      }
    }
    this.#underWay.add(underWay)
    const result = await timeBox(clock, ms, measured, signal)
    if (!signal.aborted) this.#judge(member, result)
    return result
  }

  /** True, and a failure, while an earlier call of a member that never overlaps itself may still come to its end. */
  refuseOverlap(member: string, ms: number): boolean {
    const now = this.#options.environment.clock.monotonic()
    if (!this.underWay.some((one) => one.member === member && now - one.since < ms * GIVEN_UP_AFTER)) return false
    this.fail({ member, how: 'timedOut', reason: 'an earlier call has still not ended' })
    return true
  }

  /** Reads something that answers at once; `fallback` when it throws. */
  read<T>(member: string, fallback: T, read: () => T): T {
    try {
      const value = this.#measured(member, read)
      if (this.#throwsInARow.size > 0) this.#throwsInARow.delete(member)
      return value
    } catch (error) {
      this.#judge(member, { kind: 'threw', error })
      return fallback
    }
  }

  /** Runs what answers at once, and lets its throw through: for a member that may refuse. */
  hand<T>(member: string, run: () => T): T {
    return this.#measured(member, run)
  }

  /** Holds a failure that was noticed elsewhere against the executor. */
  fail(failure: Omit<ExecutorFailure, 'at'>): void {
    this.#options.onFailure({ ...failure, at: this.#options.environment.clock.now() }, 1)
  }

  #measured<T>(member: string, run: () => T): T {
    const { environment, log, metrics, executor } = this.#options
    const begun = environment.clock.monotonic()
    try {
      return run()
    } finally {
      const ms = Math.round(environment.clock.monotonic() - begun)
      if (ms >= NOTED_BLOCK_MS) {
        metrics.timing('executor.loop_blocked', ms, { executor, method: member })
        log.warn('executor blocked the event loop', { executor, member, ms })
      }
      if (isBlocking(ms)) this.fail({ member, how: 'blocked', reason: `it blocked the event loop for ${ms} ms` })
    }
  }

  #judge(member: string, result: Boxed<unknown>): void {
    const { metrics, executor, log } = this.#options
    metrics.increment('executor.calls', { executor, method: member })
    if (result.kind === 'answered') return void this.#throwsInARow.delete(member)
    const inARow = (this.#throwsInARow.get(member) ?? 0) + 1
    this.#throwsInARow.set(member, inARow)
    const reason = result.kind === 'threw' ? messageOf(result.error) : `it did not answer within ${result.afterMs} ms`
    metrics.increment('executor.call_failures', { executor, method: member, how: HOW[result.kind] })
    log.warn('call into an executor failed', { executor, member, reason, inARow })
    const at = this.#options.environment.clock.now()
    this.#options.onFailure({ member, how: result.kind, reason, at }, inARow)
  }
}

const HOW = { threw: 'threw', timedOut: 'timed_out' } as const
