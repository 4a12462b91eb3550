import { readStopRequests, type DispatchRow } from '../db/queries/dispatches.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Dispatcher } from './dispatcher.ts'
import { Wakeup } from './wakeup.ts'
import { taskInstanceRefOf } from './workload-of.ts'

/** What the stopper works with. */
export interface StopperOptions {
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly schedulerId: () => string
  readonly log: Log
  readonly metrics: Metrics
}

const AT_ONCE = 64
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000

/**
 * Stops the processes that somebody asked to have stopped, beside the loop and many at once.
 *
 * Invariant 1: a request is repeated until its executor confirms that the process is gone, by whichever scheduler has it.
 * Invariant 2: a slot is free only then.
 */
export class Stopper {
  readonly #options: StopperOptions
  readonly #wakeup: Wakeup
  readonly #underWay = new Map<string, Promise<void>>()
  /** When to ask again for what was not confirmed, by the monotonic clock. */
  readonly #later = new Map<string, { readonly attempts: number; readonly at: number }>()

  constructor(options: StopperOptions) {
    this.#options = options
    this.#wakeup = new Wakeup(options.context.environment.clock)
  }

  /** There may be something to stop. */
  ring(): void {
    this.#wakeup.ring()
  }

  /** Works until the signal aborts; what is not confirmed by then, the next scheduler goes on with. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      let waitMs: number | null = null
      while (!signal.aborted) {
        await this.#wakeup.wait(waitMs, signal)
        waitMs = await this.#turn(signal)
      }
    } finally {
      await Promise.all(this.#underWay.values())
    }
  }

  /** Begins what is due; answers how long it may sleep, or null for until it is rung. */
  async #turn(signal: AbortSignal): Promise<number | null> {
    const { context, schedulerId, log } = this.#options
    try {
      // One that is confirmed while the rows are read may still be among them. Its end rings for what is not.
      const underWay = new Set(this.#underWay.keys())
      const rows = await context.database.transaction((tx) => readStopRequests(tx, schedulerId()))
      this.#forgetOthers(rows)
      const now = context.environment.clock.monotonic()
      const open = rows.filter((row) => !underWay.has(row.dispatch_id))
      for (const row of open.filter((one) => this.#dueAt(one) <= now)) {
        if (this.#underWay.size >= AT_ONCE) return null
        this.#begin(row, signal)
      }
      const next = open.map((row) => this.#dueAt(row)).filter((at) => at > now)
      return next.length === 0 ? null : Math.min(...next) - now
    } catch (error) {
      log.error('stop requests could not be read and will be read again', { error })
      return FIRST_RETRY_MS
    }
  }

  #begin(row: DispatchRow, signal: AbortSignal): void {
    const stopped = this.#stop(row, signal).finally(() => {
      this.#underWay.delete(row.dispatch_id)
      this.#wakeup.ring()
    })
    this.#underWay.set(row.dispatch_id, stopped)
  }

  async #stop(row: DispatchRow, signal: AbortSignal): Promise<void> {
    const { context, log, metrics } = this.#options
    const { dispatch_id: dispatchId, executor, task_id: taskId } = row
    try {
      context.environment.faults.at('stop.beforeRevoke')
      const unconfirmed = await this.#revoke(row, signal)
      if (signal.aborted && unconfirmed !== null) return
      if (unconfirmed === null) {
        context.environment.faults.at('stop.beforeSettle')
        await settleDispatches(context, [{ dispatchId, exit: exitOf(row), actor: 'stop' }])
        context.environment.faults.at('stop.afterSettle')
        metrics.increment('executor.stops', { executor, outcome: 'gone' })
        this.#later.delete(dispatchId)
        return
      }
      metrics.increment('executor.stops', { executor, outcome: 'unconfirmed' })
      log.warn('process is not confirmed gone and will be stopped again', { executor, taskId, dispatchId, unconfirmed })
    } catch (error) {
      log.error('stop request failed and will be repeated', { executor, taskId, dispatchId, error })
    }
    this.#postpone(dispatchId)
  }

  /** Null when the process is gone, else why that is not known. */
  async #revoke(row: DispatchRow, signal: AbortSignal): Promise<string | null> {
    const { dispatcher } = this.#options
    // Stopped now it would be unknown to its executor, and begun after that.
    if (dispatcher.isPending(row.dispatch_id)) return 'it is being handed over'
    const executor = dispatcher.executors.get(row.executor)
    if (executor === undefined) return `no executor named "${row.executor}" is configured`
    if (executor.condition.kind !== 'healthy') return `executor "${row.executor}" is ${executor.condition.kind}`
    const revocation = await executor.revoke(taskInstanceRefOf(row), signal)
    return revocation.kind === 'gone' ? null : revocation.reason
  }

  #postpone(dispatchId: string): void {
    const { clock, random } = this.#options.context.environment
    const attempts = (this.#later.get(dispatchId)?.attempts ?? 0) + 1
    const grown = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts - 1, 20), LONGEST_RETRY_MS)
    this.#later.set(dispatchId, { attempts, at: clock.monotonic() + grown * (0.5 + random.unit() / 2) })
  }

  #dueAt(row: DispatchRow): number {
    return this.#later.get(row.dispatch_id)?.at ?? 0
  }

  #forgetOthers(rows: readonly DispatchRow[]): void {
    const known = new Set(rows.map((row) => row.dispatch_id))
    for (const dispatchId of this.#later.keys()) if (!known.has(dispatchId)) this.#later.delete(dispatchId)
  }
}

/** A stop that leaves the task instance as it is, to run elsewhere, is no fault of the task's. */
function exitOf(row: DispatchRow) {
  if (row.is_current === 0) return { kind: 'superseded' } as const
  return { kind: 'shutdown', detail: `It was stopped: ${row.stop_reason ?? 'no reason given'}.` } as const
}
