import { rm } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogWriter } from '../log-writer.ts'
import { outputSink, type LogOutput } from './log-sinks.ts'
import { LogShipper } from './log-shipper.ts'

/** Where a log is kept. */
export interface LogKeeper {
  /** Begins to keep what is written. */
  open(): void
  /** Keeps what there is now; false when that could not be done in this time. */
  catchUp(budgetMs: number): Promise<boolean>
  /** Keeps the rest of a log that grows no more; false when that could not be done. */
  close(budgetMs: number): Promise<boolean>
}

/** What a worker's log is made of. */
export interface WorkerLogOptions {
  /** A folder of this worker alone: what an earlier one on this machine wrote is not sent again. */
  readonly folder: string
  readonly logPath: string
  keeperOf(file: string): LogKeeper
  /** The worker's own output, which gets all of it too. */
  readonly output: LogOutput | undefined
}

/** The log of one task on its way from a file on this machine to where it is kept. */
export class WorkerLog {
  readonly writer: LogWriter
  readonly #folder: string
  readonly #keeper: LogKeeper
  readonly #copy: LogKeeper | null

  constructor({ folder, logPath, keeperOf, output }: WorkerLogOptions) {
    const file = resolve(folder, logPath)
    if (!file.startsWith(folder + sep)) throw new Error(`the log path "${logPath}" leads out of ${folder}`)
    this.#folder = folder
    this.writer = new LogWriter(file)
    this.#keeper = keeperOf(file)
    this.#copy = output === undefined ? null : new LogShipper(file, outputSink(output), COPY_MS)
    this.#copy?.open()
  }

  /** Begins to send: the task has its session. */
  open(): void {
    this.#keeper.open()
  }

  /** Sends what there is, so that whoever sees the outcome finds the log that leads to it. */
  async catchUp(): Promise<void> {
    // A task may go on printing after it has said what came of it.
    await Promise.race([this.writer.flush(), sleep(FLUSH_MS, undefined, { ref: false })])
    await this.#keeper.catchUp(BEFORE_REPORT_MS)
  }

  /** Sends the rest of the log of a task that ran; false when it could not be sent, and stays where it is. */
  async close(): Promise<boolean> {
    await this.#copy?.close(LAST_COPY_MS)
    const isSent = await this.#keeper.close(LAST_LOG_MS)
    if (isSent) await this.#remove()
    return isSent
  }

  /** Forgets the log of a task that was not begun: there is no session to send it under. */
  async drop(): Promise<void> {
    await this.#copy?.close(LAST_COPY_MS)
    await this.#remove()
  }

  async #remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true }).catch(() => undefined) // It is in nobody's way.
  }
}

const COPY_MS = 250
const FLUSH_MS = 1_000
const BEFORE_REPORT_MS = 5_000
const LAST_COPY_MS = 5_000
const LAST_LOG_MS = 60_000
