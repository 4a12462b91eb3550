import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { exists, readObject, writePrivately } from '../json-file.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** See VariableResponse. */
interface VariableRow {
  readonly key: string
  readonly value: string
  readonly description: string | null
}

const BASE = '/api/v2/variables'
const pathOf = (key: string): string => `${BASE}/${encodeURIComponent(key)}`

/** `fairlead variables list` */
export async function listVariables(terminal: Terminal, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  await printList(terminal, options, await api.list<VariableRow>(BASE, 'variables'), [
    { heading: 'key', text: ({ key }) => key },
    { heading: 'value', text: ({ value }) => value },
    { heading: 'description', text: ({ description }) => description },
  ])
  return EXIT_CODES.ok
}

/** `fairlead variables get` */
export async function getVariable(
  terminal: Terminal,
  key: string,
  options: Options & { default?: string },
): Promise<number> {
  const api = await connect(terminal, options)
  const found = await reveal(api, key).catch((error: unknown) => {
    const isMissing = error instanceof CliError && error.exitCode === EXIT_CODES.notFound
    if (!isMissing || options.default === undefined) throw error
    return { key, value: options.default, description: null }
  })
  if (options.output === 'table') terminal.out(`${found.value}\n`)
  else await printOne(terminal, options, { ...found })
  return EXIT_CODES.ok
}

/** `fairlead variables set` */
export async function setVariable(
  terminal: Terminal,
  key: string,
  value: string,
  options: Options & { description?: string },
): Promise<number> {
  const { description } = options
  const stored = await keep(await connect(terminal, options), {
    key,
    value,
    ...(description === undefined ? {} : { description }),
  })
  await printOne(terminal, options, { key: stored.key, value: stored.value, description: stored.description })
  return EXIT_CODES.ok
}

/** `fairlead variables delete` */
export async function deleteVariable(terminal: Terminal, key: string, options: Options): Promise<number> {
  await (await connect(terminal, options)).delete(pathOf(key))
  await printOne(terminal, options, { deleted: key })
  return EXIT_CODES.ok
}

/** `fairlead variables import` */
export async function importVariables(
  terminal: Terminal,
  file: string,
  options: Options & { actionOnExistingKey: 'overwrite' | 'fail' | 'skip' },
): Promise<number> {
  const entries = Object.entries(await readObject(terminal, file))
  const api = await connect(terminal, options)
  const known = new Set((await api.list<VariableRow>(BASE, 'variables')).map(({ key }) => key))
  const existing = entries.map(([key]) => key).filter((key) => known.has(key))
  if (options.actionOnExistingKey === 'fail' && existing.length > 0) {
    throw new CliError(
      EXIT_CODES.failure,
      `These variables exist already, so nothing was imported: ${existing.join(', ')}.`,
    )
  }
  const wanted = entries.filter(([key]) => options.actionOnExistingKey !== 'skip' || !known.has(key))
  for (const [key, value] of wanted) await keep(api, { key, ...described(value) })
  await printOne(terminal, options, { imported: wanted.length, skipped: entries.length - wanted.length })
  return EXIT_CODES.ok
}

/** `fairlead variables export` */
export async function exportVariables(terminal: Terminal, file: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const exported: Record<string, unknown> = {}
  for (const { key } of await api.list<VariableRow>(BASE, 'variables')) {
    const { value, description } = await reveal(api, key)
    exported[key] = description === null ? value : { value, description }
  }
  await writePrivately(terminal, file, exported)
  await printOne(terminal, options, { exported: Object.keys(exported).length, file })
  return EXIT_CODES.ok
}

const reveal = (api: ApiClient, key: string) => api.get<VariableRow>(`${pathOf(key)}?reveal=true`)

interface Kept {
  readonly key: string
  readonly value: unknown
  readonly description?: string
}

async function keep(api: ApiClient, body: Kept): Promise<VariableRow> {
  const isThere = await exists(() => api.get(pathOf(body.key)))
  return isThere ? api.send('PATCH', pathOf(body.key), body) : api.send('POST', BASE, body)
}

/** Airflow's two forms of an entry. */
function described(entry: unknown): { value: unknown; description?: string } {
  if (typeof entry !== 'object' || entry === null || !('value' in entry)) return { value: entry }
  const { value } = entry
  return 'description' in entry && typeof entry.description === 'string'
    ? { value, description: entry.description }
    : { value }
}
