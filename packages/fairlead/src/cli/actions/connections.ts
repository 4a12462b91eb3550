import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Connection } from '@fairlead/sdk'
import { ConnectionTextError } from '@fairlead/sdk'
import { parseConnection } from '@fairlead/sdk/runtime'
import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { exists, readObject, writePrivately } from '../json-file.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** See ConnectionResponse. */
interface ConnectionRow {
  readonly connection_id: string
  readonly conn_type: string
  readonly description: string | null
  readonly host: string | null
  readonly login: string | null
  readonly password: string | null
  readonly schema: string | null
  readonly port: number | null
  readonly extra: string | null
}

const BASE = '/api/v2/connections'
const pathOf = (id: string): string => `${BASE}/${encodeURIComponent(id)}`

/** `fairlead connections list` */
export async function listConnections(terminal: Terminal, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  await printList(terminal, options, await api.list<ConnectionRow>(BASE, 'connections'), [
    { heading: 'connection_id', text: (row) => row.connection_id },
    { heading: 'type', text: (row) => row.conn_type },
    { heading: 'host', text: (row) => row.host },
    { heading: 'port', text: (row) => row.port },
    { heading: 'schema', text: (row) => row.schema },
    { heading: 'login', text: (row) => row.login },
    { heading: 'password', text: (row) => row.password },
    { heading: 'description', text: (row) => row.description },
  ])
  return EXIT_CODES.ok
}

/** `fairlead connections get` */
export async function getConnection(
  terminal: Terminal,
  id: string,
  options: Options & { reveal?: boolean },
): Promise<number> {
  const api = await connect(terminal, options)
  await printOne(terminal, options, { ...(await read(api, id, options.reveal === true)) })
  return EXIT_CODES.ok
}

/** What `connections add` takes. */
export interface AddOptions extends Options {
  readonly connUri?: string
  readonly connJson?: string
  readonly connType?: string
  readonly connDescription?: string
  readonly connHost?: string
  readonly connLogin?: string
  readonly connPassword?: string
  readonly connPasswordFile?: string
  readonly connSchema?: string
  readonly connPort?: string
  readonly connExtra?: string
  readonly overwrite?: boolean
}

/** `fairlead connections add` */
export async function addConnection(terminal: Terminal, id: string, options: AddOptions): Promise<number> {
  const body = bodyOf(parsed(id, await textOf(terminal, options)))
  const stored = await keep(await connect(terminal, options), body, options.overwrite === true)
  await printOne(terminal, options, { ...stored })
  return EXIT_CODES.ok
}

/** `fairlead connections delete` */
export async function deleteConnection(terminal: Terminal, id: string, options: Options): Promise<number> {
  await (await connect(terminal, options)).delete(pathOf(id))
  await printOne(terminal, options, { deleted: id })
  return EXIT_CODES.ok
}

/** `fairlead connections import` */
export async function importConnections(
  terminal: Terminal,
  file: string,
  options: Options & { overwrite?: boolean },
): Promise<number> {
  const entries = Object.entries(await readObject(terminal, file))
  // All of them are read before the first is kept.
  const bodies = entries.map(([id, entry]) =>
    bodyOf(parsed(id, typeof entry === 'string' ? entry : JSON.stringify(entry))),
  )
  const api = await connect(terminal, options)
  let imported = 0
  for (const body of bodies) {
    if (options.overwrite !== true && (await isThere(api, body.connection_id))) continue
    await keep(api, body, true)
    imported += 1
  }
  await printOne(terminal, options, { imported, skipped: bodies.length - imported })
  return EXIT_CODES.ok
}

/** `fairlead connections export` */
export async function exportConnections(terminal: Terminal, file: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const exported: Record<string, unknown> = {}
  for (const { connection_id: id } of await api.list<ConnectionRow>(BASE, 'connections')) {
    const { connection_id: _, ...fields } = await read(api, id, true)
    exported[id] = fields
  }
  await writePrivately(terminal, file, exported)
  await printOne(terminal, options, { exported: Object.keys(exported).length, file })
  return EXIT_CODES.ok
}

const read = (api: ApiClient, id: string, isPlain: boolean) =>
  api.get<ConnectionRow>(`${pathOf(id)}${isPlain ? '?reveal=true' : ''}`)

const isThere = (api: ApiClient, id: string): Promise<boolean> => exists(() => api.get(pathOf(id)))

async function keep(api: ApiClient, body: ConnectionRow, mayReplace: boolean): Promise<ConnectionRow> {
  if (mayReplace && (await isThere(api, body.connection_id))) return api.send('PATCH', pathOf(body.connection_id), body)
  return api.send('POST', BASE, body)
}

/** One of the three ways to write a connection, as text. */
async function textOf(terminal: Terminal, options: AddOptions): Promise<string> {
  const { connUri, connJson, connType, connExtra } = options
  const given = [connUri, connJson, connType].filter((text) => text !== undefined)
  const [only] = given
  if (given.length !== 1 || only === undefined) {
    throw new CliError(EXIT_CODES.usage, 'Give exactly one of --conn-uri, --conn-json and --conn-type.')
  }
  if (connType === undefined) return only
  return JSON.stringify({
    conn_type: connType,
    description: options.connDescription,
    host: options.connHost,
    login: options.connLogin,
    password: await passwordOf(terminal, options),
    schema: options.connSchema,
    port: options.connPort,
    extra: connExtra,
  })
}

async function passwordOf(
  { cwd }: Terminal,
  { connPassword, connPasswordFile }: AddOptions,
): Promise<string | undefined> {
  if (connPasswordFile === undefined) return connPassword
  const text = await readFile(resolve(cwd, connPasswordFile), 'utf8').catch((cause: unknown) => {
    throw new CliError(EXIT_CODES.notFound, `The file "${connPasswordFile}" cannot be read.`, { cause })
  })
  return text.replace(/\r?\n$/, '')
}

function parsed(id: string, text: string): Connection {
  try {
    return parseConnection(id, text)
  } catch (error) {
    throw error instanceof ConnectionTextError ? new CliError(EXIT_CODES.usage, error.message) : error
  }
}

function bodyOf({ connectionId, connType, extra, ...rest }: Connection): ConnectionRow {
  const hasExtra = Object.keys(extra).length > 0
  return { connection_id: connectionId, conn_type: connType, ...rest, extra: hasExtra ? JSON.stringify(extra) : null }
}
