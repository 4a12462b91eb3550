import { Writable } from 'node:stream'
import pino from 'pino'
import { prettyLine } from './pretty-line.ts'

/** Structured log: a constant sentence, facts as fields. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  /** A log whose every line carries these fields too. */
  child(fields: Record<string, unknown>): Log
}

/** How a log is written. */
export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly format: 'json' | 'pretty'
  /** Where lines go; standard output when absent. */
  readonly write?: (line: string) => void
}

/** Opens the log of a process. Fields named like a secret are never written. */
export function openLog(options: LogOptions): Log {
  const settings: pino.LoggerOptions = {
    level: options.level,
    base: null,
    messageKey: 'event',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (level) => ({ level }) },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '< hidden >' },
  }
  return wrap(pino(settings, destinationOf(options)))
}

/** A log that drops everything. */
export const NO_LOG: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => NO_LOG,
}

const SECRET_FIELDS = ['token', 'password', 'secret', 'authorization', 'url', 'connectionString']

function destinationOf({ format, write }: LogOptions): pino.DestinationStream {
  if (format === 'json') return write === undefined ? pino.destination({ fd: 1, sync: true }) : { write }
  const emit = write ?? ((line: string) => void process.stdout.write(line))
  return new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      emit(prettyLine(chunk))
      done()
    },
  })
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(readable(fields), message),
    info: (message, fields) => logger.info(readable(fields), message),
    warn: (message, fields) => logger.warn(readable(fields), message),
    error: (message, fields) => logger.error(readable(fields), message),
    child: (fields) => wrap(logger.child(fields)),
  }
}

/** Errors as plain facts, whatever the name of the field they arrive in. */
function readable(fields: Record<string, unknown> = {}): Record<string, unknown> {
  if (!Object.values(fields).some((value) => value instanceof Error)) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? errorFields(value) : value]),
  )
}

function errorFields(error: Error): Record<string, unknown> {
  return {
    name: error.name,
    ...('code' in error ? { code: error.code } : {}),
    message: error.message,
    stack: error.stack,
    ...(error.cause instanceof Error ? { cause: errorFields(error.cause) } : {}),
  }
}
