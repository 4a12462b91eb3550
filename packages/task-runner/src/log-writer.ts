import { constants } from 'node:fs'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { LineSplitter } from './line-splitter.ts'
import { LOG_RECORD_MARK } from './ipc.ts'
import { SecretMask } from './secret-mask.ts'

/**
 * One task's log file: NDJSON, appended. Output is read no faster than it is written, so a task that prints without
 * end costs no memory. A full disk loses lines, says how many, and stops nothing.
 */
export class LogWriter {
  /** What this task's log must not show. */
  readonly mask = new SecretMask()
  readonly #path: string
  #file: FileHandle | null = null
  #pending: string[] = []
  #pendingLength = 0
  #writing: Promise<void> | null = null
  #paused = new Set<Readable>()
  /** Lines that could not be written, and that the log does not say so of yet. */
  lostLines = 0
  /** The last write may have stopped in the middle of a line. */
  #isCut = false
  #isClosed = false

  constructor(path: string) {
    this.#path = path
  }

  /** Adds a line of the supervisor's own. */
  write(level: LogLevel, event: string, fields: Record<string, unknown> = {}): void {
    this.#append(record(level, event, 'supervisor', fields))
  }

  /** Copies a pipe into the log, line by line, until it ends. `onLine` sees each line as the task wrote it. */
  follow(stream: Readable, source: LogSource, onLine: (line: string) => void = () => undefined): Promise<void> {
    const splitter = new LineSplitter((line, isContinued) => {
      onLine(line)
      this.#append(
        source.mayHoldRecords && line.startsWith(LOG_RECORD_MARK) ? ownRecord(line) : plain(line, source, isContinued),
      )
    })
    return new Promise((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        splitter.push(chunk)
        if (this.#pendingLength > HIGH_WATER) {
          stream.pause()
          this.#paused.add(stream)
        }
      })
      stream.on('error', () => undefined)
      stream.once('close', () => {
        this.#paused.delete(stream)
        splitter.end()
        resolve()
      })
    })
  }

  /** Resolves when what was added so far is in the file. */
  async flush(): Promise<void> {
    for (let writing = this.#writing; writing !== null; writing = this.#writing) await writing
  }

  /** Writes what is left and closes the file. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
    await this.#file?.close().catch(() => undefined)
    this.#file = null
  }

  #append(line: string): void {
    if (this.#isClosed && this.#file === null) return
    const shown = this.mask.hide(line)
    this.#pending.push(shown)
    this.#pendingLength += shown.length
    this.#writing ??= this.#drain()
  }

  async #drain(): Promise<void> {
    // A turn later, so that what a task prints in one turn is one write.
    await new Promise(setImmediate)
    while (this.#pending.length > 0) {
      const lines = this.#pending
      this.#pending = []
      this.#pendingLength = 0
      await this.#store(lines)
      if (this.#pendingLength <= HIGH_WATER) this.#resume()
    }
    this.#resume()
    this.#writing = null
  }

  async #store(lines: readonly string[]): Promise<void> {
    const lost = this.lostLines
    try {
      this.#file ??= await openForAppend(this.#path)
      const note =
        lost === 0 ? '' : (this.#isCut ? '\n' : '') + record('error', 'log lines were lost', 'supervisor', { lost })
      await this.#file.appendFile(note + lines.join(''))
      this.lostLines -= lost
      this.#isCut = false
    } catch {
      // The disk is full, or the folder is gone: the task matters more than its log.
      this.lostLines += lines.length
      this.#isCut = this.#file !== null
    }
  }

  #resume(): void {
    for (const stream of this.#paused) stream.resume()
    this.#paused.clear()
  }
}

/** Level of a log line. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where a pipe's lines come from. */
export interface LogSource {
  readonly level: LogLevel
  readonly logger: 'task.stdout' | 'task.stderr'
  /** True for a runner's pipe: its console marks lines that are records already. */
  readonly mayHoldRecords: boolean
}

const HIGH_WATER = 256 * 1024

function plain(line: string, source: LogSource, isContinued: boolean): string {
  return record(source.level, line, source.logger, isContinued ? { isContinued } : {})
}

/** A record that the child's console wrote. User code can print the mark too, so it is checked. */
function ownRecord(line: string): string {
  const json = line.slice(LOG_RECORD_MARK.length)
  try {
    const parsed: unknown = JSON.parse(json)
    if (typeof parsed === 'object' && parsed !== null && 'event' in parsed && 'level' in parsed) return `${json}\n`
  } catch {
    // Not a record: printed as it is.
  }
  return record('info', json, 'task.stdout', {})
}

function record(level: LogLevel, event: string, logger: string, fields: Record<string, unknown>): string {
  return `${JSON.stringify({ timestamp: new Date().toISOString(), level, event, logger, ...fields })}\n`
}

async function openForAppend(path: string): Promise<FileHandle> {
  const flags = constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return await open(path, flags, 0o600)
  }
}
