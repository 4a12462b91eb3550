import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogSink } from './log-sinks.ts'

/**
 * Follows a log file that grows and hands what is new to a sink, from where the sink has it. What a sink cannot take now
 * stays in the file, and is handed over when it can.
 */
export class LogShipper {
  readonly #path: string
  readonly #sink: LogSink
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | null = null
  #offset = 0
  #pass: Promise<PassEnd> | null = null

  constructor(path: string, sink: LogSink, intervalMs: number) {
    this.#path = path
    this.#sink = sink
    this.#intervalMs = intervalMs
  }

  /** Begins to look for what is new. */
  open(): void {
    this.#timer ??= setInterval(() => void this.#once(new AbortController().signal), this.#intervalMs)
  }

  /** Hands over all that is in the file now; false when the sink could not take it in this time. */
  async catchUp(budgetMs: number): Promise<boolean> {
    const over = AbortSignal.timeout(budgetMs)
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      // What is under way may have looked before the last lines were written.
      await Promise.race([this.#pass, aborted(over)])
      if (over.aborted) return false
      const end = await this.#once(over)
      if (end !== 'later') return true
      await sleep(pauseMs, undefined, { signal: over }).catch(() => undefined)
    }
  }

  /** Hands over the rest of a file that grows no more; false when that did not work. */
  async close(budgetMs: number): Promise<boolean> {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    return this.catchUp(budgetMs)
  }

  /** One look at the file; one at a time. */
  #once(signal: AbortSignal): Promise<PassEnd> {
    this.#pass ??= this.#handOver(signal)
      .catch((): PassEnd => 'later')
      .finally(() => (this.#pass = null))
    return this.#pass
  }

  async #handOver(signal: AbortSignal): Promise<PassEnd> {
    const file = await openIfThere(this.#path)
    if (file === null) return 'atEnd'
    try {
      for (;;) {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, this.#offset)
        if (bytesRead === 0) return 'atEnd'
        if (signal.aborted) return 'later'
        const answer = await this.#sink.take(buffer.subarray(0, bytesRead), this.#offset, signal)
        if (answer.kind !== 'taken') return answer.kind
        this.#offset = answer.offset
      }
    } finally {
      await file.close()
    }
  }
}

/** How a look at the file ended: all is handed over, or the sink wants no more, or cannot take it now. */
type PassEnd = 'atEnd' | 'full' | 'later'

const CHUNK_BYTES = 256 * 1024
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null // Nothing was written yet.
    throw error
  }
}
