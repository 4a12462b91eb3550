import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { exists, readObject, writePrivately } from '../json-file.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** See PoolResponse. */
interface PoolRow {
  readonly name: string
  readonly slots: number
  readonly description: string | null
  readonly include_deferred: boolean
  readonly running_slots: number
  readonly queued_slots: number
  readonly scheduled_slots: number
  readonly open_slots: number
}

const BASE = '/api/v2/pools'
const pathOf = (name: string): string => `${BASE}/${encodeURIComponent(name)}`

/** `fairlead pools list` */
export async function listPools(terminal: Terminal, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  await printList(terminal, options, await api.list<PoolRow>(BASE, 'pools'), [
    { heading: 'pool', text: ({ name }) => name },
    { heading: 'slots', text: ({ slots }) => slots },
    { heading: 'running', text: (pool) => pool.running_slots },
    { heading: 'queued', text: (pool) => pool.queued_slots },
    { heading: 'scheduled', text: (pool) => pool.scheduled_slots },
    { heading: 'open', text: (pool) => pool.open_slots },
    { heading: 'description', text: ({ description }) => description },
  ])
  return EXIT_CODES.ok
}

/** `fairlead pools get` */
export async function getPool(terminal: Terminal, name: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  await printOne(terminal, options, { ...(await api.get<PoolRow>(pathOf(name))) })
  return EXIT_CODES.ok
}

/** `fairlead pools set` */
export async function setPool(
  terminal: Terminal,
  name: string,
  ...[slots, description, options]: readonly [string, string | undefined, Options & { includeDeferred?: boolean }]
): Promise<number> {
  const wanted = {
    slots: slotsOf(name, Number(slots)),
    ...(description === undefined ? {} : { description }),
    ...(options.includeDeferred === undefined ? {} : { include_deferred: options.includeDeferred }),
  }
  const pool = await keep(await connect(terminal, options), name, wanted)
  await printOne(terminal, options, { pool: pool.name, slots: pool.slots, description: pool.description })
  return EXIT_CODES.ok
}

/** `fairlead pools delete` */
export async function deletePool(terminal: Terminal, name: string, options: Options): Promise<number> {
  await (await connect(terminal, options)).delete(pathOf(name))
  await printOne(terminal, options, { deleted: name })
  return EXIT_CODES.ok
}

/** `fairlead pools import` */
export async function importPools(terminal: Terminal, file: string, options: Options): Promise<number> {
  const entries = Object.entries(await readObject(terminal, file))
  const wanted = entries.map(([name, entry]) => [name, poolOf(name, entry)] as const)
  const api = await connect(terminal, options)
  for (const [name, pool] of wanted) await keep(api, name, pool)
  await printOne(terminal, options, { imported: wanted.length })
  return EXIT_CODES.ok
}

/** `fairlead pools export` */
export async function exportPools(terminal: Terminal, file: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const pools = await api.list<PoolRow>(BASE, 'pools')
  const exported = pools.map(({ name, slots, description, include_deferred }) => {
    return [name, { slots, description: description ?? '', include_deferred }] as const
  })
  await writePrivately(terminal, file, Object.fromEntries(exported))
  await printOne(terminal, options, { exported: exported.length, file })
  return EXIT_CODES.ok
}

interface WantedPool {
  readonly slots: number
  readonly description?: string
  readonly include_deferred?: boolean
}

async function keep(api: ApiClient, name: string, pool: WantedPool): Promise<PoolRow> {
  const isThere = await exists(() => api.get(pathOf(name)))
  return isThere ? api.send('PATCH', pathOf(name), pool) : api.send('POST', BASE, { name, ...pool })
}

function slotsOf(name: string, slots: unknown): number {
  if (typeof slots === 'number' && Number.isInteger(slots) && slots >= -1) return slots
  throw new CliError(EXIT_CODES.usage, `Pool "${name}" needs a whole number of slots, or -1 for as many as there are.`)
}

/** An entry of an exported file, ours or Airflow's. */
function poolOf(name: string, entry: unknown): WantedPool {
  const fields: Readonly<Record<string, unknown>> = typeof entry === 'object' && entry !== null ? { ...entry } : {}
  const { description, include_deferred: includeDeferred } = fields
  return {
    slots: slotsOf(name, fields['slots']),
    ...(typeof description === 'string' ? { description } : {}),
    ...(typeof includeDeferred === 'boolean' ? { include_deferred: includeDeferred } : {}),
  }
}
