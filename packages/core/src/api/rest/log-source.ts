import type { Clock } from '../../model/environment.ts'
import { messageOf } from '../../model/message-of.ts'
import type { LiveLog } from '../api-context.ts'
import { followLog, readLogChunk, type LogChunk } from './log-file.ts'

/** Where the lines of one try's log come from. */
export interface LogSource {
  read(offset: number): Promise<LogChunk>
  follow(signal: AbortSignal): AsyncIterable<LogChunk>
  isEnded(): Promise<boolean>
}

/** What a source is made of. */
export interface LogSourceOptions {
  readonly path: string
  readonly clock: Clock
  isEnded(): Promise<boolean>
}

const SILENCE_MS = 1_000

/** The log that the executor streams, or else the file. */
export function logSource(live: LiveLog, options: LogSourceOptions): LogSource {
  return live.kind === 'live' ? liveSource(live.stream, options) : fileSource(live, options)
}

/** A log that only the executor has: it is read once, from its beginning, until it ends or is silent. */
function liveSource(stream: AsyncIterable<string>, { clock, isEnded }: LogSourceOptions): LogSource {
  return {
    isEnded,
    follow: (signal) => chunksOf(stream, signal),
    read: async () => {
      const lines: string[] = []
      const chunks = chunksOf(stream, new AbortController().signal)
      for (;;) {
        const next = await nextOrSilence(chunks, clock)
        if (next === null || next.done === true) break
        lines.push(...next.value.lines)
      }
      // A stream that goes on is not waited for: letting go of it may take as long as its next line.
      void chunks.return(undefined)
      return { lines, offset: 0, isAtEnd: true }
    },
  }
}

async function nextOrSilence(
  chunks: AsyncGenerator<LogChunk, undefined>,
  clock: Clock,
): Promise<IteratorResult<LogChunk, undefined> | null> {
  const over = new AbortController()
  const silence = clock.sleep(SILENCE_MS, over.signal).then(
    () => null,
    () => null,
  )
  try {
    return await Promise.race([chunks.next(), silence])
  } finally {
    over.abort()
  }
}

/** Ends when the stream does or nobody listens any more; a stream that breaks ends with a line that says so. */
async function* chunksOf(stream: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<LogChunk, undefined> {
  const closed = new Promise<null>((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
  const texts = stream[Symbol.asyncIterator]()
  try {
    while (!signal.aborted) {
      const next = await Promise.race([texts.next(), closed])
      if (next === null || next.done === true) return
      yield { lines: next.value.split('\n').filter((line) => line !== ''), offset: 0, isAtEnd: false }
    }
  } catch (error) {
    yield { lines: [noteLine(`The executor's log broke off: ${messageOf(error)}`)], offset: 0, isAtEnd: false }
  } finally {
    void texts.return?.()
  }
}

/** The file, and at its beginning what the reader should know of a log that is elsewhere. */
function fileSource(
  { note, isFailure }: Extract<LiveLog, { kind: 'file' }>,
  { path, clock, isEnded }: LogSourceOptions,
): LogSource {
  const noted = (chunk: LogChunk, hasEnded: boolean): LogChunk => {
    if (note === null) return chunk
    // Said once: a page that is empty is asked for again until the try has ended.
    const isDue = chunk.lines.length === 0 ? hasEnded : isFailure
    return isDue ? { ...chunk, lines: [noteLine(note), ...chunk.lines] } : chunk
  }
  return {
    isEnded,
    read: async (offset) => {
      const hasEnded = await isEnded()
      const chunk = await readLogChunk(path, offset, hasEnded)
      return offset === 0 ? noted(chunk, hasEnded) : chunk
    },
    follow: async function* (signal) {
      let isFirst = true
      for await (const chunk of followLog({ path, clock, signal, isEnded })) {
        yield isFirst ? noted(chunk, false) : chunk
        isFirst = false
      }
      const nothing: LogChunk = { lines: [], offset: 0, isAtEnd: true }
      if (isFirst && !signal.aborted) yield noted(nothing, true)
    },
  }
}

function noteLine(event: string): string {
  return JSON.stringify({ event, level: 'warning', logger: 'fairlead.api' })
}
