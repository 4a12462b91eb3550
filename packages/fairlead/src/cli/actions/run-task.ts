import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { taskInstancePath, type TaskInstanceRow } from '../api-shapes.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

interface OneOptions extends OutputOptions, ConnectOptions {
  readonly mapIndex?: string
}

/** What `tasks run` takes. */
export interface RunTaskOptions extends OneOptions {
  readonly executor?: string
  readonly ignoreDependencies?: boolean
  readonly wait?: boolean
}

type Named = [dagId: string, runId: string, taskId: string]

interface Explained {
  readonly explanation: string
  readonly task_instance: TaskInstanceRow
}

/** `fairlead tasks run` */
export async function runTask(
  terminal: Terminal,
  ...[dagId, runId, taskId, options]: [...Named, RunTaskOptions]
): Promise<number> {
  const query = queryOf(options)
  const api = await connect(terminal, options)
  const at = { dagId, runId, taskId }
  await api.send('POST', taskInstancePath(at, `/run${query}`), {
    executor: options.executor ?? null,
    ignore_dependencies: options.ignoreDependencies === true,
  })
  const path = taskInstancePath(at, `/explain${query}`)
  const row = options.wait === true ? await settled(terminal, api, path) : await tell(terminal, api, path)
  await show(terminal, options, row)
  return options.wait === true && row.state !== 'success' && row.state !== 'skipped'
    ? EXIT_CODES.failure
    : EXIT_CODES.ok
}

/** `fairlead tasks state` */
export async function taskState(
  terminal: Terminal,
  ...[dagId, runId, taskId, options]: [...Named, OneOptions]
): Promise<number> {
  // Only this route takes the index as a parameter.
  const path = taskInstancePath({ dagId, runId, taskId }, `/explain${queryOf(options)}`)
  const api = await connect(terminal, options)
  const { task_instance: row } = await api.get<Explained>(path)
  if (options.output === 'table') terminal.out(`${row.state ?? 'none'}\n`)
  else await show(terminal, options, row)
  return EXIT_CODES.ok
}

function queryOf({ mapIndex }: OneOptions): string {
  if (mapIndex === undefined) return ''
  if (/^-?\d+$/.test(mapIndex)) return `?map_index=${mapIndex}`
  throw new CliError(EXIT_CODES.usage, `The map index "${mapIndex}" is no whole number.`)
}

async function tell(terminal: Terminal, api: ApiClient, path: string): Promise<TaskInstanceRow> {
  const { explanation, task_instance: row } = await api.get<Explained>(path)
  terminal.err(`${explanation}\n`)
  return row
}

const SETTLED: ReadonlySet<string | null> = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed'])
const EVERY_MS = 250

/** Waits for its end; says why it waits whenever that changes. */
async function settled(terminal: Terminal, api: ApiClient, path: string): Promise<TaskInstanceRow> {
  let said = ''
  for (;;) {
    const { explanation, task_instance: row } = await api.get<Explained>(path)
    if (explanation !== said) terminal.err(`${explanation}\n`)
    if (SETTLED.has(row.state)) return row
    said = explanation
    await sleep(EVERY_MS, undefined, { signal: terminal.signal })
  }
}

async function show(terminal: Terminal, options: OutputOptions, row: TaskInstanceRow): Promise<void> {
  const { task_id, map_index, state, try_number, executor } = row
  await printOne(terminal, options, { task_id, map_index, state: state ?? 'none', try: try_number, executor })
}
