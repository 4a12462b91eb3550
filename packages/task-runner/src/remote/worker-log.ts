import { rm } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { LogWriter } from '../log-writer.ts'
import { outputSink, type LogOutput, type LogSink } from './log-sinks.ts'
import { LogShipper } from './log-shipper.ts'

/** What a worker's log is made of. */
export interface WorkerLogOptions {
  /** A folder of this hand-over alone: what an earlier one on this machine wrote is not sent again. */
  readonly folder: string
  readonly logPath: string
  readonly sink: LogSink
  /** The worker's own output, which gets all of it too. */
  readonly output: LogOutput | undefined
}

/** The log of one task on its way from a file on this machine to where it is kept. */
export class WorkerLog {
  readonly writer: LogWriter
  readonly #folder: string
  readonly #shipper: LogShipper
  readonly #copy: LogShipper | null

  constructor({ folder, logPath, sink, output }: WorkerLogOptions) {
    const file = resolve(folder, logPath)
    if (!file.startsWith(folder + sep)) throw new Error(`the log path "${logPath}" leads out of ${join(folder)}`)
    this.#folder = folder
    this.writer = new LogWriter(file)
    this.#shipper = new LogShipper(file, sink, SHIP_MS)
    this.#copy = output === undefined ? null : new LogShipper(file, outputSink(output), COPY_MS)
    this.#copy?.open()
  }

  /** Begins to send: the task has its session. */
  open(): void {
    this.#shipper.open()
  }

  /** Sends what there is, so that whoever sees the outcome finds the log that leads to it. */
  async catchUp(): Promise<void> {
    await this.writer.flush()
    await this.#shipper.catchUp(BEFORE_REPORT_MS)
  }

  /** Sends the rest of the log of a task that ran; one that cannot be sent stays where it is. */
  async close(): Promise<void> {
    await this.#copy?.close(LAST_COPY_MS)
    const isShipped = await this.#shipper.close(LAST_LOG_MS)
    if (isShipped) await this.#remove()
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
const SHIP_MS = 1_000
const BEFORE_REPORT_MS = 2_000
const LAST_COPY_MS = 5_000
const LAST_LOG_MS = 60_000
