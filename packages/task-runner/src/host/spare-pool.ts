import { availableParallelism } from 'node:os'
import { setPriority } from 'node:os'
import { killProcessGroup, signalGroup } from '../process-group.ts'
import type { RunnerProcess } from '../runner-process.ts'
import { SpareDemand } from './spare-demand.ts'

/**
 * Runner processes started ahead, so that a task waits for none. Each is handed out once.
 *
 * Invariant 1: a process that has loaded a bundle is handed only to tasks of that bundle.
 * Invariant 2: whoever waits for a process gets the next that is ready, before any is kept.
 */
export class SparePool {
  readonly #options: SparePoolOptions
  readonly #demand: SpareDemand
  readonly #idle: RunnerProcess[] = []
  readonly #starting = new Set<RunnerProcess>()
  readonly #waiters: Waiter[] = []
  #refill: NodeJS.Timeout | null = null
  #check: NodeJS.Timeout | null = null
  #retire: NodeJS.Timeout | null = null
  #startAgainAt = 0
  #isClosed = false

  constructor(options: SparePoolOptions) {
    this.#options = options
    this.#demand = new SpareDemand(options.spares)
  }

  /** Begins to keep spares. */
  open(): void {
    this.#postponeRetirement()
    this.#fill()
  }

  /** A process for a task of this bundle; a spare when there is one. Rejects when none can be started. */
  acquire(bundlePath: string, signal: AbortSignal): Promise<RunnerProcess> {
    this.#demand.note(bundlePath, performance.now())
    this.#postponeRetirement()
    const spare = this.#takeIdle(bundlePath)
    this.#fillSoon()
    if (spare !== null) return Promise.resolve(spare)
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { bundlePath, resolve, reject }
      this.#waiters.push(waiter)
      signal.addEventListener('abort', () => this.#giveUp(waiter), { once: true })
      this.#startForWaiters()
    })
  }

  /** Loads a bundle into spares before a task asks for it. */
  prewarm(bundlePath: string): void {
    this.#demand.note(bundlePath, performance.now())
    this.#postponeRetirement()
    this.#fill()
    this.#preloadIdle()
  }

  counts(): { idle: number; preloaded: number; starting: number } {
    const preloaded = this.#idle.filter((spare) => spare.preloadedBundle !== null).length
    return { idle: this.#idle.length, preloaded, starting: this.#starting.size }
  }

  /** Ends every process that was not handed out. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of [this.#refill, this.#check, this.#retire]) if (timer !== null) clearTimeout(timer)
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('the worker host is shutting down'))
    const spares = [...this.#idle.splice(0), ...this.#starting]
    await Promise.all(spares.map((spare) => killProcessGroup(spare.pid).then(() => spare.exited)))
  }

  #takeIdle(bundlePath: string): RunnerProcess | null {
    const warm = this.#idle.findIndex((spare) => spare.preloadedBundle === bundlePath)
    const index = warm === -1 ? this.#idle.findIndex((spare) => spare.preloadedBundle === null) : warm
    const [spare] = index === -1 ? [] : this.#idle.splice(index, 1)
    if (spare === undefined) return null
    if (CAN_RAISE_PRIORITY) setPriorityQuietly(spare.pid, 0)
    return spare
  }

  /** Starting another takes this process a moment; the task that was just given one goes first. */
  #fillSoon(): void {
    this.#refill ??= setTimeout(() => {
      this.#refill = null
      this.#fill()
    }, REFILL_DELAY_MS)
  }

  #fillLater(): void {
    this.#check ??= setTimeout(() => {
      this.#check = null
      this.#fill()
    }, CHECK_AGAIN_MS)
  }

  /** Starts what is missing, at most one process for each core at a time. */
  #fill(): void {
    const target = this.#retire === null ? 0 : this.#demand.target(performance.now())
    let missing = this.#waiters.length + target - this.#idle.length - this.#starting.size
    while (
      missing > 0 &&
      this.#starting.size < MOST_STARTING &&
      this.#start(this.#idle.length > 0 ? REFILL_PRIORITY : 0)
    )
      missing -= 1
    this.#dropMismatched(target)
    // What a busy moment called for is given up when it is over.
    if (this.#idle.length > this.#options.spares) this.#fillLater()
  }

  #startForWaiters(): void {
    while (this.#starting.size < Math.min(MOST_STARTING, this.#waiters.length) && this.#start(0));
  }

  /** False when no process can be started now. */
  #start(priority: number): boolean {
    if (this.#isClosed || (performance.now() < this.#startAgainAt && this.#waiters.length === 0)) return false
    let spare: RunnerProcess
    try {
      spare = this.#options.startProcess()
    } catch (error) {
      this.#onStartFailed(error instanceof Error ? error.message : String(error))
      return false
    }
    if (priority > 0 && CAN_RAISE_PRIORITY) setPriorityQuietly(spare.pid, priority)
    this.#starting.add(spare)
    spare.onMessage = (message) => {
      if (message.kind === 'ready' && this.#starting.delete(spare)) this.#onReady(spare)
      if (message.kind === 'preloaded' && message.problem !== null) this.#discard(spare)
    }
    void spare.exited.then(() => this.#onExited(spare))
    return true
  }

  #onReady(spare: RunnerProcess): void {
    const waiter = this.#waiters.shift()
    if (waiter !== undefined) {
      if (CAN_RAISE_PRIORITY) setPriorityQuietly(spare.pid, 0)
      waiter.resolve(spare)
    } else {
      this.#idle.push(spare)
      this.#preloadIdle()
    }
    this.#fill()
  }

  #onExited(spare: RunnerProcess): void {
    const index = this.#idle.indexOf(spare)
    if (index !== -1) this.#idle.splice(index, 1)
    if (!this.#starting.delete(spare) || this.#isClosed) return
    this.#onStartFailed('a runner process ended before it was ready')
  }

  /** The waiter hears of it; spares are tried again later, lest a broken machine does nothing but start processes. */
  #onStartFailed(detail: string): void {
    this.#startAgainAt = performance.now() + CHECK_AGAIN_MS
    this.#fillLater()
    this.#waiters.shift()?.reject(new Error(detail))
  }

  #preloadIdle(): void {
    for (const spare of this.#idle) {
      if (spare.preloadedBundle !== null) continue
      const bundlePath = this.#demand.nextToPreload(this.#idle.map((other) => other.preloadedBundle))
      if (bundlePath === null) return
      spare.preload(bundlePath)
    }
  }

  /** A bundle that does not load is the task's to report; the next ones start with the bare runner. */
  #discard(spare: RunnerProcess): void {
    const index = this.#idle.indexOf(spare)
    if (index === -1) return
    if (spare.preloadedBundle !== null) this.#demand.forget(spare.preloadedBundle)
    this.#idle.splice(index, 1)
    signalGroup(spare.pid, 'SIGKILL')
  }

  #dropMismatched(target: number): void {
    while (this.#idle.length > target) {
      const index = this.#demand.leastWanted(this.#idle.map((spare) => spare.preloadedBundle))
      const [spare] = this.#idle.splice(index, 1)
      if (spare !== undefined) signalGroup(spare.pid, 'SIGKILL')
    }
  }

  #giveUp(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter)
    if (index === -1) return
    this.#waiters.splice(index, 1)
    waiter.reject(new Error('interrupted'))
  }

  /** Spares cost memory: when nothing was asked for in a while, none are kept. */
  #postponeRetirement(): void {
    if (this.#retire !== null) clearTimeout(this.#retire)
    this.#retire = setTimeout(() => {
      this.#retire = null
      this.#dropMismatched(0)
    }, this.#options.idleMs)
  }
}

/** See {@link SparePool}. */
export interface SparePoolOptions {
  readonly spares: number
  readonly idleMs: number
  readonly startProcess: () => RunnerProcess
}

interface Waiter {
  readonly bundlePath: string
  resolve(process: RunnerProcess): void
  reject(error: Error): void
}

const REFILL_DELAY_MS = 25
const CHECK_AGAIN_MS = 1_000
/** Refills do not steal from running tasks, unless the next task would have to wait for one. */
const REFILL_PRIORITY = 5
const MOST_STARTING = Math.max(2, availableParallelism())

/** Only root may give a process back the priority that was taken from it. */
const CAN_RAISE_PRIORITY = process.getuid?.() === 0

function setPriorityQuietly(pid: number, priority: number): void {
  try {
    setPriority(pid, priority)
  } catch {
    // It ended, or may not be changed here: a matter of speed alone.
  }
}
