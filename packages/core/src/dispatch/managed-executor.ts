import type { BufferedEvent, Executor } from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { Environment } from '../model/environment.ts'
import type { ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { timeBox, type Boxed } from './time-box.ts'
import { Wakeup } from './wakeup.ts'

/** How long calls into an executor may take, in milliseconds. */
export interface ExecutorTimeouts {
  readonly startMs: number
  readonly callMs: number
}

/** Where an executor stands. An unhealthy one offers no slots and is tried again. */
export type ExecutorHealth =
  | { readonly kind: 'starting' }
  | { readonly kind: 'healthy' }
  | { readonly kind: 'unhealthy'; readonly reason: string; readonly failures: number }
  | { readonly kind: 'stopped' }

/** What became of stopping work. `gone`: no process of it is left. */
export type Revocation = { readonly kind: 'gone' } | { readonly kind: 'unconfirmed'; readonly reason: string }

/** What a managed executor needs of its surroundings. */
export interface ManagedExecutorOptions {
  readonly executor: Executor
  readonly environment: Environment
  readonly log: Log
  readonly metrics: Metrics
  readonly timeouts: ExecutorTimeouts
  /** Called each time it becomes healthy, before work is offered: adoption. */
  onHealthy(signal: AbortSignal): Promise<void>
}

const FAILURES_UNTIL_UNHEALTHY = 3
const REPEAT_MS = 1_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 60_000

/**
 * One executor under guard: its calls are time-boxed, its failures counted, and what it does never reaches the others.
 *
 * Invariant: it offers slots only while healthy, and is healthy only after `start` and adoption.
 */
export class ManagedExecutor {
  readonly executor: Executor
  readonly #options: ManagedExecutorOptions
  readonly #process: Wakeup
  #health: ExecutorHealth = { kind: 'starting' }
  #failures = 0

  constructor(options: ManagedExecutorOptions) {
    this.#options = options
    this.executor = options.executor
    this.#process = new Wakeup(options.environment.clock)
  }

  get name(): string {
    return this.executor.name
  }

  get health(): ExecutorHealth {
    return this.#health
  }

  /** What it could take if nothing were running on it. */
  get offer(): ExecutorOffer {
    switch (this.#health.kind) {
      case 'healthy':
        return { kind: 'open', parallelism: this.executor.parallelism }
      case 'unhealthy':
        return { kind: 'unhealthy', reason: this.#health.reason }
      case 'starting':
        return { kind: 'unhealthy', reason: 'it is starting' }
      case 'stopped':
        return { kind: 'unhealthy', reason: 'it is stopped' }
      default:
        return this.#health satisfies never
    }
  }

  /** Queues a workload and has it begun. Throws what the executor throws: it refuses this one. */
  queue(workload: Workload, options: { queue: string; executorConfig: unknown }): void {
    this.executor.queueWorkload(workload, options)
    this.#process.ring()
  }

  get events(): readonly BufferedEvent[] {
    return this.executor.getEventBuffer()
  }

  acknowledge(place: number): void {
    this.executor.acknowledgeEvents(place)
  }

  /** Answers those that the executor could not find; all of them when it could not be asked. */
  async adopt(refs: readonly TaskInstanceRef[], signal: AbortSignal): Promise<Boxed<readonly TaskInstanceRef[]>> {
    return this.#call(
      'tryAdoptTaskInstances',
      (callSignal) => this.executor.tryAdoptTaskInstances(refs, callSignal),
      signal,
    )
  }

  /**
   * Stops work. A refusal concerns this work alone, and says nothing about the executor's health; no answer in time does.
   */
  async revoke(ref: TaskInstanceRef, signal: AbortSignal): Promise<Revocation> {
    const { callMs } = this.#options.timeouts
    const result = await timeBox(this.#clock, callMs, (s) => this.executor.revokeTask(ref, s), signal)
    if (result.kind === 'answered') return { kind: 'gone' }
    if (result.kind === 'threw') return { kind: 'unconfirmed', reason: messageOf(result.error) }
    this.#fail('revokeTask', result)
    return { kind: 'unconfirmed', reason: `it did not answer within ${result.afterMs} ms` }
  }

  holds(dispatchId: DispatchId): boolean {
    return this.executor.hasTask(dispatchId)
  }

  /** Keeps the executor going until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#start(signal)) await this.#work(signal)
      else await this.#pause(signal)
    }
    this.#health = { kind: 'stopped' }
  }

  async #start(signal: AbortSignal): Promise<boolean> {
    const started = await timeBox(this.#clock, this.#options.timeouts.startMs, (s) => this.executor.start(s), signal)
    if (started.kind !== 'answered') {
      if (!signal.aborted) this.#fail('start', started)
      return false
    }
    const adopted = await timeBox(
      this.#clock,
      this.#options.timeouts.startMs,
      (s) => this.#options.onHealthy(s),
      signal,
    )
    if (adopted.kind !== 'answered') {
      if (!signal.aborted) this.#fail('adoption', adopted)
      return false
    }
    this.#failures = 0
    this.#health = { kind: 'healthy' }
    this.#options.log.info('executor is healthy', { executor: this.name })
    return true
  }

  /** Works until the signal aborts or too many calls in a row have failed. */
  async #work(signal: AbortSignal): Promise<void> {
    const broken = new AbortController()
    const both = AbortSignal.any([signal, broken.signal])
    const stopWhenBroken = (): void => {
      if (this.#health.kind === 'unhealthy') broken.abort(new Error('The executor is unhealthy.'))
    }
    await Promise.all([this.#processLoop(both, stopWhenBroken), this.#syncLoop(both, stopWhenBroken)])
  }

  async #processLoop(signal: AbortSignal, afterCall: () => void): Promise<void> {
    while (!signal.aborted) {
      // Calls of unknown outcome are repeated by the executor at its next turn, so an occupied one is given turns.
      const isWoken = await woken(this.#process.wait(this.executor.slotsOccupied > 0 ? REPEAT_MS : null, signal))
      if (!isWoken) return
      await this.#call('processWorkloads', (s) => this.executor.processWorkloads(s), signal)
      afterCall()
    }
  }

  async #syncLoop(signal: AbortSignal, afterCall: () => void): Promise<void> {
    const { syncIntervalMs } = this.executor
    if (syncIntervalMs === null) return
    while (!signal.aborted) {
      if (!(await woken(this.#clock.sleep(syncIntervalMs, signal)))) return
      await this.#call('sync', (s) => this.executor.sync({ signal: s }), signal)
      afterCall()
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const grown = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 20), LONGEST_RETRY_MS)
    await woken(this.#clock.sleep(grown * (0.5 + this.#options.environment.random.unit() / 2), signal))
  }

  async #call<T>(member: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Boxed<T>> {
    const result = await timeBox(this.#clock, this.#options.timeouts.callMs, call, signal)
    if (result.kind === 'answered') this.#failures = 0
    else if (!signal.aborted) this.#fail(member, result)
    return result
  }

  #fail(member: string, result: Exclude<Boxed<unknown>, { kind: 'answered' }>): void {
    const { log, metrics } = this.#options
    this.#failures += 1
    const why = result.kind === 'threw' ? messageOf(result.error) : `it did not answer within ${result.afterMs} ms`
    if (result.kind === 'timedOut') metrics.increment('executor.call_timeouts', { executor: this.name })
    log.warn('call into an executor failed', { executor: this.name, member, why, failures: this.#failures })
    if (this.#health.kind === 'healthy' && this.#failures < FAILURES_UNTIL_UNHEALTHY) return
    this.#health = { kind: 'unhealthy', reason: `${member}: ${why}`, failures: this.#failures }
  }

  get #clock(): Environment['clock'] {
    return this.#options.environment.clock
  }
}

/** False when a wait was ended by its signal. */
async function woken(wait: Promise<void>): Promise<boolean> {
  try {
    await wait
    return true
  } catch {
    return false // Waits reject for one reason only: the signal.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
