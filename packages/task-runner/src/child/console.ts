import { formatWithOptions } from 'node:util'
import type { TaskLog } from '@fairlead/sdk'
import { LOG_RECORD_MARK } from '../ipc.ts'

/**
 * Makes the console write log records, so that a warning is a warning in the log. They go down the same pipe as what
 * user code writes to it directly, which keeps the order; the pipe is synchronous, which keeps the pace.
 */
export function installConsole(stdout: NodeJS.WriteStream): void {
  const levels = { debug: 'debug', log: 'info', info: 'info', warn: 'warn', error: 'error', trace: 'debug' } as const
  for (const [method, level] of Object.entries(levels)) {
    const write = (...values: unknown[]): void => {
      const text = formatWithOptions({ colors: false }, ...values)
      writeRecord(stdout, level, method === 'trace' ? `${text}\n${stackOf(write)}` : text)
    }
    Reflect.set(console, method, write)
  }
}

/** The log of a task, as records among its output. */
export function recordLog(stdout: NodeJS.WriteStream): TaskLog {
  return {
    debug: (event, fields) => writeRecord(stdout, 'debug', event, fields),
    info: (event, fields) => writeRecord(stdout, 'info', event, fields),
    warn: (event, fields) => writeRecord(stdout, 'warn', event, fields),
    error: (event, fields) => writeRecord(stdout, 'error', event, fields),
  }
}

/** Writes one log record; a long text becomes several. */
function writeRecord(
  stdout: NodeJS.WriteStream,
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  fields: Record<string, unknown> = {},
): void {
  for (let start = 0; start === 0 || start < event.length; start += LONGEST_EVENT) {
    const record = {
      timestamp: new Date().toISOString(),
      level,
      event: event.slice(start, start + LONGEST_EVENT),
      logger: 'task',
      ...(start === 0 ? fields : { isContinued: true }),
    }
    stdout.write(`${LOG_RECORD_MARK}${textOf(record)}\n`)
  }
}

/** As JSON an escaped character takes up to six; the record must fit the longest line of a log. */
const LONGEST_EVENT = 10 * 1024

function textOf(record: Record<string, unknown>): string {
  try {
    return JSON.stringify(record)
  } catch {
    // A field that JSON cannot hold must not fail the task.
    return JSON.stringify({
      ...record,
      ...Object.fromEntries(Object.keys(record).map((key) => [key, String(record[key])])),
    })
  }
}

function stackOf(below: (...values: unknown[]) => void): string {
  const holder: { stack?: string } = {}
  Error.captureStackTrace(holder, below)
  return holder.stack?.split('\n').slice(1).join('\n') ?? ''
}
