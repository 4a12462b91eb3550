import { setMaxListeners } from 'node:events'
import { adoptOrphans } from '../dispatch/adopt-orphans.ts'
import { Dispatcher } from '../dispatch/dispatcher.ts'
import { Drainer } from '../dispatch/drainer.ts'
import { ManagedExecutor, type ExecutorTimeouts } from '../dispatch/managed-executor.ts'
import type { SignsOfLife } from '../dispatch/signs-of-life.ts'
import { Stopper } from '../dispatch/stopper.ts'
import { Wakeup } from '../dispatch/wakeup.ts'
import type { MintTicket } from '../dispatch/workload-of.ts'
import { messageOf } from '../model/message-of.ts'
import type { MoveContext } from '../moves/move-context.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Executor } from '@fairlead/executor'
import { publishStatuses } from './publish-statuses.ts'
import { SchedulerLease } from './scheduler-lease.ts'
import type { SchedulerTimes } from './scheduler-times.ts'
import { sweep, type SweepState } from './sweep.ts'
import { tick, type TickResult } from './tick.ts'

/** Everything a scheduler works with. */
export interface SchedulerOptions {
  readonly context: Omit<MoveContext, 'wake'>
  readonly executors: ReadonlyArray<(wake: () => void) => Executor>
  readonly mintTicket: MintTicket
  readonly log: Log
  readonly metrics: Metrics
  readonly times: SchedulerTimes
  readonly timeouts: ExecutorTimeouts
  readonly host: { readonly hostname: string; readonly pid: number }
}

/** How a scheduler's loop fares. */
export type SchedulerHealth =
  | { readonly kind: 'starting' }
  | { readonly kind: 'healthy'; readonly lastTickAt: number }
  | { readonly kind: 'failing'; readonly reason: string; readonly since: number }

type TurnResult = TickResult | { readonly kind: 'failed' }

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 5_000

/**
 * A scheduler: executors under guard, the loop that moves work to them, and the sweeps behind it.
 *
 * Invariant: it writes only while it holds its lease; who loses it takes a new one and adopts its own work.
 */
export class Scheduler {
  /** For moves made elsewhere in this process: their commits wake this scheduler. */
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly #options: SchedulerOptions
  /** For the loop's own moves: it looks again by itself. */
  readonly #quiet: MoveContext
  readonly #wakeup: Wakeup
  readonly #stopper: Stopper
  readonly #drainer: Drainer
  /** Rung when an executor's condition has changed. */
  readonly #changed: Wakeup
  #lease: SchedulerLease
  #health: SchedulerHealth = { kind: 'starting' }
  #lastBeatAt: number | null = null
  /** Until this monotonic moment nobody can be expected to have said that it lives. */
  #blindUntil = 0
  readonly #sweepState: SweepState

  constructor(options: SchedulerOptions) {
    this.#options = options
    const { environment } = options.context
    this.#wakeup = new Wakeup(environment.clock)
    this.#changed = new Wakeup(environment.clock)
    const wake = (): void => this.#wakeup.ring()
    this.context = { ...options.context, wake }
    this.#quiet = { ...options.context, wake: null }
    this.#lease = this.#newLease()
    const managed = options.executors.map((create) => this.#manage(create(wake)))
    const { log, metrics, mintTicket } = options
    this.dispatcher = new Dispatcher(managed, { context: this.#quiet, log, metrics, mintTicket })
    this.#stopper = new Stopper({
      context: this.context,
      dispatcher: this.dispatcher,
      schedulerId: () => this.#lease.id,
      log,
      metrics,
    })
    const [lastNow, lastMonotonic] = [environment.clock.now(), environment.clock.monotonic()]
    this.#sweepState = { lastNow, lastMonotonic, graceUntil: null, unwantedSince: new Map() }
    this.#drainer = new Drainer({ context: this.context, dispatcher: this.dispatcher, log })
  }

  /** How its loop fares. */
  get health(): SchedulerHealth {
    return this.#health
  }

  /** When it last took or renewed its lease; null before. */
  get lastBeatAt(): number | null {
    return this.#lastBeatAt
  }

  /** Ends the loop's sleep. */
  wake(): void {
    this.#wakeup.ring()
  }

  /** Works until the signal aborts. Throws when it cannot take its first lease. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#takeLease(this.#lease)
    this.#blindUntil = this.context.environment.clock.monotonic() + this.#options.times.leaseMs
    const failed = new AbortController()
    const both = AbortSignal.any([signal, failed.signal])
    // Each loop listens, and each executor brings some: not the leak that Node would warn of.
    setMaxListeners(0, both)
    const parts = [
      this.#loop(both),
      this.#renewLoop(both),
      this.#publishLoop(both),
      this.#sweepLoop(both),
      this.#stopper.run(both),
      this.#drainer.run(both),
      ...this.#executors.map((e) => e.run(both)),
    ]
    try {
      await Promise.all(parts.map((part) => untilAborted(part, both)))
    } finally {
      failed.abort(new Error('The scheduler has stopped.'))
      await Promise.allSettled(parts)
    }
  }

  /** Frees the lease, so that another scheduler need not wait for its end. */
  async release(): Promise<void> {
    await this.#lease.release()
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const result = await this.#turn(signal)
      failures = result.kind === 'failed' ? failures + 1 : 0
      if (result.kind === 'failed') await this.#pause(failures, signal)
      else if (result.kind === 'fenced' || result.hasMore) await this.context.environment.clock.yield()
      else await this.#wakeup.wait(this.#sleepMs(result.nextMoment), signal)
    }
  }

  /** One turn. A failure (a database that is away, full or wrong) is told and tried again; what is stored stays true. */
  async #turn(signal: AbortSignal): Promise<TurnResult> {
    const { environment } = this.context
    const startedAt = environment.clock.monotonic()
    try {
      environment.faults.at('scheduler.beforeTick')
      if (this.#health.kind === 'failing') await this.dispatcher.handOverForgotten(this.#lease.id)
      const result = await tick(this.#quiet, this.dispatcher, this.#lease.id)
      if (result.kind === 'fenced') await this.#rejoin(signal)
      else {
        if (result.hasStops) this.#stopper.ring()
        if (result.hasDrains) this.#drainer.ring()
      }
      if (this.#health.kind === 'failing') this.#seeAgain(this.#health.since)
      this.#health = { kind: 'healthy', lastTickAt: environment.clock.now() }
      this.#options.metrics.timing('scheduler.scheduler_loop_duration', environment.clock.monotonic() - startedAt)
      return result
    } catch (error) {
      const reason = messageOf(error)
      const since = this.#health.kind === 'failing' ? this.#health.since : environment.clock.now()
      this.#health = { kind: 'failing', reason, since }
      this.#options.log.error('scheduler turn failed and will be tried again', { error })
      return { kind: 'failed' }
    }
  }

  /** Whoever had no database to tell that it lives is given the time to tell it now. */
  #seeAgain(blindSince: number): void {
    const { clock } = this.context.environment
    const { leaseMs, heartbeatTimeoutMs } = this.#options.times
    this.#blindUntil = clock.monotonic() + leaseMs
    if (clock.now() - blindSince > leaseMs) this.#sweepState.graceUntil = clock.monotonic() + heartbeatTimeoutMs
  }

  async #pause(failures: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.context.environment
    const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures, 10), LONGEST_PAUSE_MS)
    await clock.sleep(longestMs * (0.5 + random.unit() / 2), signal)
  }

  #sleepMs(nextMoment: number | null): number {
    const { idleMs } = this.#options.times
    if (nextMoment === null) return idleMs
    return Math.min(idleMs, Math.max(0, nextMoment - this.context.environment.clock.now()))
  }

  async #renewLoop(signal: AbortSignal): Promise<void> {
    const { leaseMs } = this.#options.times
    for (;;) {
      await this.context.environment.clock.sleep(leaseMs / 3, signal)
      this.#options.metrics.increment('scheduler_heartbeat')
      await this.#guarded('lease', () => this.#renew())
    }
  }

  /** Renewing the lease is also the way to say how executors fare: it costs no transaction of its own. */
  async #renew(): Promise<void> {
    const schedulerId = this.#lease.id
    const isHeld = await this.#lease.renew((tx, now) => publishStatuses(tx, this.#executors, { schedulerId, now }))
    if (isHeld) this.#lastBeatAt = this.context.environment.clock.now()
    else this.#wakeup.ring()
  }

  async #publishLoop(signal: AbortSignal): Promise<void> {
    this.#changed.ring()
    for (;;) {
      await this.#changed.wait(null, signal)
      await this.#guarded('executor status', () => this.#renew())
    }
  }

  async #sweepLoop(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.context.environment.clock.sleep(this.#options.times.sweepMs, signal)
      await this.#guarded('sweep', () => this.#sweep(signal))
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { times, log, metrics } = this.#options
    const { context, dispatcher } = this
    const signsOfLife = this.#signsOfLife
    const deps = { context, dispatcher, schedulerId: this.#lease.id, signsOfLife, times, log, metrics }
    const orphaned = await sweep(deps, this.#sweepState)
    await this.#adoptOn(
      this.#executors.filter(({ name }) => orphaned.includes(name)),
      signal,
    )
  }

  async #guarded<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    try {
      return await work()
    } catch (error) {
      this.#options.log.error('part of the scheduler failed and will be tried again', { what, error })
      return null
    }
  }

  /** The lease is gone, by a stepped clock or a long stop: begin again under a new name, with the same executors. */
  async #rejoin(signal: AbortSignal): Promise<void> {
    this.#options.log.warn('scheduler lost its lease and takes a new one', { schedulerId: this.#lease.id })
    await this.#takeLease(this.#newLease())
    await this.#adoptOn(this.#executors, signal)
  }

  /** Nothing goes by a lease that is not taken yet: what is adopted under its name would belong to nobody. */
  async #takeLease(lease: SchedulerLease): Promise<void> {
    await lease.take()
    this.#lease = lease
    this.#lastBeatAt = this.context.environment.clock.now()
  }

  async #adoptOn(executors: readonly ManagedExecutor[], signal: AbortSignal): Promise<void> {
    for (const executor of executors) {
      // One at a time and each on its own: an executor that cannot answer keeps no other's orphans waiting.
      if (executor.condition.kind === 'healthy') await this.#guarded('adoption', () => this.#adopt(executor, signal))
    }
  }

  #newLease(): SchedulerLease {
    return new SchedulerLease(this.#options.context, { ...this.#options.host, leaseMs: this.#options.times.leaseMs })
  }

  #manage(executor: Executor): ManagedExecutor {
    const { log, metrics, timeouts, context } = this.#options
    const managed: ManagedExecutor = new ManagedExecutor({
      executor,
      environment: context.environment,
      log,
      metrics,
      timeouts,
      onHealthy: async (signal) => {
        await this.#adopt(managed, signal)
        this.#wakeup.ring()
      },
      onChange: () => this.#changed.ring(),
    })
    return managed
  }

  async #adopt(executor: ManagedExecutor, signal: AbortSignal): Promise<void> {
    const { log, metrics } = this.#options
    const { context, dispatcher } = this
    const signsOfLife = this.#signsOfLife
    const adoption = { context, dispatcher, schedulerId: this.#lease.id, signsOfLife, log, metrics }
    await adoptOrphans(adoption, executor, signal)
  }

  get #signsOfLife(): SignsOfLife {
    const areHidden = this.context.environment.clock.monotonic() < this.#blindUntil
    return { withinMs: this.#options.times.leaseMs, areHidden }
  }

  get #executors(): readonly ManagedExecutor[] {
    return [...this.dispatcher.executors.values()]
  }
}

/** Waits reject when the scheduler is told to stop; that is its end, not an error. */
async function untilAborted(part: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await part
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
