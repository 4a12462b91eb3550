import { ParseProcess, type ParseJob, type ParseOutcome, type ParseProcessOptions } from './parse-process.ts'

/** How a pool of parse children works. */
export interface ParsePoolOptions extends ParseProcessOptions {
  /** Children at once. */
  readonly size: number
  /** Files after which a child is replaced, so that what authors leave behind does not add up. */
  readonly filesPerProcess: number
  /** How long a child without work is kept. */
  readonly idleMs: number
}

/** Imports compiled Dag files in child processes: a file that crashes or hangs costs only itself. */
export class ParsePool {
  readonly #options: ParsePoolOptions
  readonly #idle: ParseProcess[] = []
  readonly #busy = new Set<ParseProcess>()
  readonly #waiting: (() => void)[] = []
  #idleTimer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ParsePoolOptions) {
    this.#options = options
  }

  /** Starts a child ahead, while its first file is still being compiled. */
  warm(): void {
    if (this.#idle.length + this.#busy.size === 0 && !this.#isClosed) {
      this.#idle.push(new ParseProcess(this.#options))
      this.#restAfter()
    }
  }

  /** Imports one file. Never rejects. A child that dies of an earlier file's leftovers is replaced, and asked again. */
  async parse(job: ParseJob): Promise<ParseOutcome> {
    await this.#slot()
    const first = await this.#runIn(this.#take(), job)
    const outcome = first.isSuspect && !this.#isClosed ? await this.#runIn(new ParseProcess(this.#options), job) : first
    this.#waiting.shift()?.()
    return outcome.result
  }

  /** Ends every child; jobs in progress fail. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#idleTimer)
    for (const process of [...this.#idle.splice(0), ...this.#busy]) process.kill()
  }

  async #runIn(process: ParseProcess, job: ParseJob): Promise<{ result: ParseOutcome; isSuspect: boolean }> {
    this.#busy.add(process)
    const result = await process.parse(job)
    this.#busy.delete(process)
    const hasDied = process.isSpent && result.kind === 'failed' && result.error.kind !== 'timeout'
    this.#giveBack(process)
    return { result, isSuspect: hasDied && process.jobs > 1 }
  }

  async #slot(): Promise<void> {
    if (this.#busy.size < this.#options.size) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    await this.#slot()
  }

  #take(): ParseProcess {
    clearTimeout(this.#idleTimer)
    for (let process = this.#idle.pop(); process !== undefined; process = this.#idle.pop()) {
      if (!process.isSpent) return process
    }
    return new ParseProcess(this.#options)
  }

  #giveBack(process: ParseProcess): void {
    if (process.isSpent) return
    if (this.#isClosed || process.jobs >= this.#options.filesPerProcess) process.kill()
    else this.#idle.push(process)
    this.#restAfter()
  }

  #restAfter(): void {
    clearTimeout(this.#idleTimer)
    this.#idleTimer = setTimeout(() => {
      for (const process of this.#idle.splice(0)) process.kill()
    }, this.#options.idleMs)
    this.#idleTimer.unref()
  }
}
