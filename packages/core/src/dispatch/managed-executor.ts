import type { BufferedEvent, Executor } from '@fairlead/executor'
import type { DispatchId, TaskInstanceRef, Workload } from '@fairlead/protocol'
import type { Environment } from '../model/environment.ts'
import type { ExecutorCondition, ExecutorFailure } from '../model/executor-state.ts'
import { messageOf } from '../model/message-of.ts'
import type { ExecutorOffer } from '../moves/claim-task-instances.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { ExecutorHealth } from './executor-health.ts'
import { ExecutorTurns } from './executor-turns.ts'
import { GuardedCalls, type CallUnderWay } from './guarded-calls.ts'
import { timeBox, type Boxed } from './time-box.ts'

/** How long calls into an executor may take, in milliseconds. */
export interface ExecutorTimeouts {
  readonly startMs: number
  readonly callMs: number
}

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
  /** Its condition is another one. */
  onChange(): void
}

/**
 * One executor under guard: its calls are time-boxed, its failures counted, and what it does never reaches the others.
 *
 * Invariant 1: it offers slots only while healthy, and is healthy only after `start` and adoption.
 * Invariant 2: degraded, it is tried again for ever, ever less often; it is healthy again only once what it does in
 * turns (`processWorkloads`, `sync`) has been answered.
 */
export class ManagedExecutor {
  readonly executor: Executor
  readonly name: string
  readonly #options: ManagedExecutorOptions
  readonly #calls: GuardedCalls
  readonly #turns: ExecutorTurns
  readonly #health: ExecutorHealth

  constructor(options: ManagedExecutorOptions) {
    this.#options = options
    this.executor = options.executor
    this.name = options.executor.name
    const { environment, log, metrics } = options
    this.#health = new ExecutorHealth({
      executor: this.name,
      environment,
      log,
      onChange: () => options.onChange(),
    })
    this.#calls = new GuardedCalls({
      executor: this.name,
      environment,
      log,
      metrics,
      onFailure: (failure, inARow) => this.#health.fail(failure, inARow),
    })
    const { callMs } = options.timeouts
    this.#turns = new ExecutorTurns({ executor: this.executor, calls: this.#calls, clock: environment.clock, callMs })
  }

  get condition(): ExecutorCondition {
    return this.#health.condition
  }

  /** The failure that came last, however long ago. */
  get lastFailure(): ExecutorFailure | null {
    return this.#health.lastFailure
  }

  get callsUnderWay(): readonly CallUnderWay[] {
    return this.#calls.underWay
  }

  /** What it could take if nothing were running on it. */
  get offer(): ExecutorOffer {
    const { condition } = this
    switch (condition.kind) {
      case 'healthy':
        return { kind: 'open', parallelism: this.parallelism }
      case 'degraded':
        return { kind: 'unhealthy', reason: condition.reason }
      case 'starting':
        return { kind: 'starting' }
      case 'stopped':
        return { kind: 'unhealthy', reason: 'it is stopped' }
      default:
        return condition satisfies never
    }
  }

  get parallelism(): number {
    return this.#calls.read('parallelism', 0, () => this.executor.parallelism)
  }

  /** How many workloads it says it holds. */
  get held(): number {
    return this.#turns.held
  }

  /** Queues a workload and has it begun. Throws what the executor throws: it refuses this one. */
  queue(workload: Workload, options: { queue: string; executorConfig: unknown }): void {
    this.#calls.hand('queueWorkload', () => this.executor.queueWorkload(workload, options))
    this.#turns.ring()
  }

  get events(): readonly BufferedEvent[] {
    return this.#calls.read('getEventBuffer', [], () => this.executor.getEventBuffer())
  }

  acknowledge(place: number): void {
    this.#calls.read('acknowledgeEvents', undefined, () => this.executor.acknowledgeEvents(place))
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
   * Stops work. A refusal, or no answer in time, concerns this work alone: it says nothing about the executor's health.
   */
  async revoke(ref: TaskInstanceRef, signal: AbortSignal): Promise<Revocation> {
    const result = await this.#call('revokeTask', (callSignal) => this.executor.revokeTask(ref, callSignal), signal)
    switch (result.kind) {
      case 'answered':
        return { kind: 'gone' }
      case 'threw':
        return { kind: 'unconfirmed', reason: messageOf(result.error) }
      case 'timedOut':
        return { kind: 'unconfirmed', reason: `it did not answer within ${result.afterMs} ms` }
      default:
        return result satisfies never
    }
  }

  /** What a workload waits for outside, as the executor says; null when it does not say. */
  waitingFor(dispatchId: DispatchId): string | null {
    return this.#calls.read('waitingFor', null, () => this.executor.waitingFor?.(dispatchId) ?? null)
  }

  /** Whether the executor knows of it. One that cannot say may well. */
  holds(dispatchId: DispatchId): boolean {
    return this.#calls.read('hasTask', true, () => this.executor.hasTask(dispatchId))
  }

  /** Holds a stall of the event loop against it, which only a call of its own can have caused. */
  blame(member: string, ms: number): void {
    const reason = `the event loop was blocked for ${ms} ms while this was the only call under way`
    this.#calls.fail({ member, how: 'blocked', reason })
  }

  /** Keeps the executor going until the signal aborts. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await this.#begin(signal)) await this.#health.whileHealthy((both) => this.#turns.run(both), signal)
      if (!signal.aborted) await this.#health.pause(signal)
    }
    this.#health.enter('stopped')
  }

  /** True when it is healthy. */
  async #begin(signal: AbortSignal): Promise<boolean> {
    const { startMs } = this.#options.timeouts
    if (this.#calls.refuseOverlap('start', startMs)) return false
    const isRevived = this.condition.kind === 'degraded'
    const started = await this.#calls.call('start', startMs, (s) => this.executor.start(s), signal)
    if (started.kind !== 'answered' || !(await this.#adoptAll(signal))) return false
    if (isRevived && !(await this.#probe(signal))) return false
    if (signal.aborted) return false
    this.#health.enter('healthy')
    this.#options.log.info('executor is healthy', { executor: this.name })
    return true
  }

  async #adoptAll(signal: AbortSignal): Promise<boolean> {
    const before = this.condition
    const { startMs } = this.#options.timeouts
    const adopted = await timeBox(this.#clock, startMs, (s) => this.#options.onHealthy(s), signal)
    if (adopted.kind === 'answered') return this.condition === before
    // A call that failed has said so itself.
    if (signal.aborted || this.condition !== before) return false
    const reason = adopted.kind === 'threw' ? messageOf(adopted.error) : `it took longer than ${startMs} ms`
    this.#calls.fail({ member: 'adoption', how: adopted.kind, reason })
    return false
  }

  /** One turn of what it does all the time: whether it goes well shows now, and not to the next task. */
  async #probe(signal: AbortSignal): Promise<boolean> {
    const before = this.condition
    await this.#turns.once(signal)
    return this.condition === before
  }

  #call<T>(member: string, call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<Boxed<T>> {
    return this.#calls.call(member, this.#options.timeouts.callMs, call, signal)
  }

  get #clock(): Environment['clock'] {
    return this.#options.environment.clock
  }
}
