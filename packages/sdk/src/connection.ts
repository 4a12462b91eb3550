import type { JsonValue } from './json.ts'

/** How to reach a system outside: its address and what it wants to see. */
export interface Connection {
  readonly connectionId: string
  /** What kind of system it is, for example `postgres` or `http`. */
  readonly connType: string
  readonly description: string | null
  readonly host: string | null
  readonly login: string | null
  readonly password: string | null
  readonly schema: string | null
  readonly port: number | null
  /** Whatever else a client of that kind wants to know. */
  readonly extra: Readonly<Record<string, JsonValue>>
}

/** A text that is no connection. It never repeats the text, which may hold a password. */
export class ConnectionTextError extends Error {
  override readonly name = 'ConnectionTextError'
}

/**
 * Reads a connection from Airflow's two forms: a URI (`postgres://ada:secret@db.example:5432/sales?sslmode=require`, each
 * part percent-encoded) or a JSON object (`{"conn_type": "postgres", "host": "db.example"}`).
 *
 * @throws {ConnectionTextError} when the text is neither.
 */
export function parseConnection(connectionId: string, text: string): Connection {
  return text.trimStart().startsWith('{') ? fromJson(connectionId, text) : fromUri(connectionId, text)
}

/** Schemes by which Airflow means a type of another name. */
const SHORT_NAMES: Readonly<Record<string, string>> = { postgresql: 'postgres' }

function fromUri(connectionId: string, text: string): Connection {
  const match =
    /^([A-Za-z][\w.+-]*):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?(\[[^\]]*\]|[^:/?]*)(?::(\d+))?(?:\/([^?]*))?(?:\?(.*))?$/.exec(
      text,
    )
  if (match === null)
    throw refused(connectionId, 'it is neither a JSON object nor `type://login:password@host:port/schema`')
  const [, scheme = '', login, password, host, port, schema, query] = match
  const connType = scheme.toLowerCase().replaceAll('-', '_')
  return {
    connectionId,
    connType: SHORT_NAMES[connType] ?? connType,
    description: null,
    host: decoded(connectionId, host),
    login: decoded(connectionId, login),
    password: decoded(connectionId, password),
    schema: decoded(connectionId, schema),
    port: port === undefined ? null : Number(port),
    extra: extraOf(connectionId, query),
  }
}

function extraOf(connectionId: string, query: string | undefined): Connection['extra'] {
  const named = Object.fromEntries(new URLSearchParams(query))
  const { __extra__: whole, ...rest } = named
  return whole === undefined ? rest : { ...rest, ...objectOf(connectionId, whole) }
}

function fromJson(connectionId: string, text: string): Connection {
  const fields = objectOf(connectionId, text)
  const { conn_type: connType, extra } = fields
  if (typeof connType !== 'string' || connType === '') throw refused(connectionId, '"conn_type" is missing')
  const words = (name: string): string | null => {
    const value = fields[name] ?? null
    if (value === null || typeof value === 'string') return value
    throw refused(connectionId, `"${name}" must be a text`)
  }
  return {
    connectionId,
    connType,
    description: words('description'),
    host: words('host'),
    login: words('login'),
    password: words('password'),
    schema: words('schema'),
    port: portOf(connectionId, fields['port'] ?? null),
    extra:
      typeof extra === 'string'
        ? objectOf(connectionId, extra === '' ? '{}' : extra)
        : asObject(connectionId, extra ?? {}),
  }
}

function portOf(connectionId: string, value: JsonValue): number | null {
  if (value === null) return null
  const port = Number(value)
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw refused(connectionId, '"port" must be a whole number up to 65535')
}

function objectOf(connectionId: string, text: string): Record<string, JsonValue> {
  try {
    return asObject(connectionId, JSON.parse(text) as JsonValue)
  } catch (error) {
    throw error instanceof ConnectionTextError ? error : refused(connectionId, 'its JSON cannot be read')
  }
}

function asObject(connectionId: string, value: JsonValue): Record<string, JsonValue> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, JsonValue>
  throw refused(connectionId, 'a JSON object is wanted')
}

function decoded(connectionId: string, part: string | undefined): string | null {
  if (part === undefined || part === '') return null
  try {
    return decodeURIComponent(part)
  } catch {
    throw refused(connectionId, 'a part of it is not percent-encoded correctly')
  }
}

function refused(connectionId: string, why: string): ConnectionTextError {
  return new ConnectionTextError(`Connection "${connectionId}" cannot be read: ${why}.`)
}
