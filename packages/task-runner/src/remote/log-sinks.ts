import type { TaskSession } from '../execution-api-client.ts'
import { sendLog } from '../remote-calls.ts'

/** Where a log goes. */
export interface LogSink {
  /** Takes bytes that begin at `offset`, and answers from where it wants more. */
  take(bytes: Buffer, offset: number, signal: AbortSignal): Promise<SinkAnswer>
}

/** What came of handing over some of a log. */
export type SinkAnswer =
  | { readonly kind: 'taken'; readonly offset: number }
  /** It wants no more of it. */
  | { readonly kind: 'full' }
  /** It cannot take it now. */
  | { readonly kind: 'later' }

/** Writes bytes somewhere in order; resolves when it may be given more. */
export type LogOutput = (bytes: Buffer) => Promise<void>

/** The worker's own output. */
export function outputSink(output: LogOutput): LogSink {
  return {
    take: async (bytes, offset) => {
      await output(bytes)
      return { kind: 'taken', offset: offset + bytes.length }
    },
  }
}

/** The server, which serves it as any other log. The attempt must have its session. */
export function apiSink(session: TaskSession, taskInstanceId: string): LogSink {
  return {
    take: async (bytes, offset, signal) => {
      const answer = await sendLog(session, { taskInstanceId, offset, bytes }, { budgetMs: 0, signal })
      switch (answer.kind) {
        case 'taken':
          return { kind: 'taken', offset: answer.size }
        case 'unavailable':
          return { kind: 'later' }
        case 'full':
        case 'refused':
        case 'notFound':
        case 'archived':
          // Another hand-over has the log, or it was kept long enough.
          return { kind: 'full' }
        default:
          return answer satisfies never
      }
    },
  }
}

/** A sink that gets no more than so many bytes, in whole lines, and then a line that says so. */
export function limitedSink(sink: LogSink, limitBytes: number): LogSink {
  return {
    take: async (bytes, offset, signal) => {
      const room = limitBytes - offset - NOTE_BYTES
      if (bytes.length <= room) return sink.take(bytes, offset, signal)
      const kept = room > 0 ? bytes.subarray(0, bytes.lastIndexOf(LINE_BREAK, room - 1) + 1) : NOTHING
      // What was sent before may end within a line.
      const last = Buffer.concat([kept.length > 0 ? kept : NEW_LINE, noteOf(limitBytes)])
      if (offset + last.length > limitBytes) return { kind: 'full' }
      const answer = await sink.take(last, offset, signal)
      return answer.kind === 'taken' ? { kind: 'full' } : answer
    },
  }
}

const LINE_BREAK = 10
const NEW_LINE = Buffer.from([LINE_BREAK])
const NOTHING = Buffer.alloc(0)
const NOTE_BYTES = 512

function noteOf(limit: number): Buffer {
  const event = 'the log is longer than the server keeps: the rest is in the output of the worker'
  const record = { timestamp: new Date().toISOString(), level: 'warn', event, logger: 'worker', limitBytes: limit }
  return Buffer.from(`${JSON.stringify(record)}\n`)
}
