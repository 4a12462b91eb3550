import type { Executor } from '@fairlead/executor'
import type { Clock } from '../model/environment.ts'
import type { GuardedCalls } from './guarded-calls.ts'
import { isWoken, Wakeup } from './wakeup.ts'

/** What turns are taken with. */
export interface ExecutorTurnsOptions {
  readonly executor: Executor
  readonly calls: GuardedCalls
  readonly clock: Clock
  /** How long one call may take. */
  readonly callMs: number
}

const REPEAT_MS = 1_000

/**
 * What an executor does all the time: it begins what is queued (`processWorkloads`) and looks after what it runs
 * (`sync`). The two go on beside each other, and neither ever overlaps itself.
 */
export class ExecutorTurns {
  readonly #options: ExecutorTurnsOptions
  readonly #process: Wakeup

  constructor(options: ExecutorTurnsOptions) {
    this.#options = options
    this.#process = new Wakeup(options.clock)
  }

  /** How many workloads it says it holds. */
  get held(): number {
    const { calls, executor } = this.#options
    return calls.read('slotsOccupied', 0, () => executor.slotsOccupied)
  }

  /** Something is queued: its next turn comes at once. */
  ring(): void {
    this.#process.ring()
  }

  /** One turn of each. */
  async once(signal: AbortSignal): Promise<void> {
    await this.#processWorkloads(signal)
    if (this.#options.executor.syncIntervalMs !== null) await this.#sync(signal)
  }

  /** Takes turns until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#processLoop(signal), this.#syncLoop(signal)])
  }

  async #processLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Calls of unknown outcome are repeated by the executor at its next turn, so an occupied one is given turns.
      if (!(await isWoken(this.#process.wait(this.held > 0 ? REPEAT_MS : null, signal)))) return
      await this.#processWorkloads(signal)
    }
  }

  async #syncLoop(signal: AbortSignal): Promise<void> {
    const { executor, clock } = this.#options
    const { syncIntervalMs } = executor
    if (syncIntervalMs === null) return
    while (!signal.aborted) {
      if (!(await isWoken(clock.sleep(syncIntervalMs, signal)))) return
      await this.#sync(signal)
    }
  }

  async #processWorkloads(signal: AbortSignal): Promise<void> {
    const { executor, calls, callMs } = this.#options
    if (calls.refuseOverlap('processWorkloads', callMs)) return
    await calls.call('processWorkloads', callMs, (s) => executor.processWorkloads(s), signal)
  }

  async #sync(signal: AbortSignal): Promise<void> {
    const { executor, calls, callMs } = this.#options
    if (calls.refuseOverlap('sync', callMs)) return
    await calls.call('sync', callMs, (s) => executor.sync({ signal: s }), signal)
  }
}
