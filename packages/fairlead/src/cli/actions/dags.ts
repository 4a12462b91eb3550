import { connect, type ConnectOptions } from '../api-client.ts'
import { dagPath, durationText, type DagRow, type RunRow } from '../api-shapes.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { objectOption } from '../conf-option.ts'
import { printList, printOne, type Column, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** `fairlead dags list` */
export async function listDags(terminal: Terminal, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const dags = await api.list<DagRow>('/api/v2/dags', 'dags')
  await printList(terminal, options, dags, [
    { heading: 'dag_id', text: (dag) => dag.dag_id },
    { heading: 'file', text: (dag) => dag.relative_fileloc },
    { heading: 'paused', text: (dag) => (dag.is_paused ? 'yes' : 'no') },
    { heading: 'schedule', text: (dag) => dag.timetable_summary ?? 'manual' },
    { heading: 'next run', text: (dag) => dag.next_dagrun_run_after },
    { heading: 'tags', text: (dag) => dag.tags.map(({ name }) => name).join(', ') },
  ])
  return EXIT_CODES.ok
}

interface ImportErrorRow {
  readonly filename: string
  readonly message: string
  readonly line: number | null
  readonly column: number | null
}

/** `fairlead dags list-import-errors` */
export async function listImportErrors(terminal: Terminal, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const errors = await api.list<ImportErrorRow>('/api/v2/importErrors', 'import_errors')
  await printList(terminal, options, errors, [
    {
      heading: 'place',
      text: ({ filename, line, column }) => [filename, line, column].filter((part) => part !== null).join(':'),
    },
    { heading: 'error', text: ({ message }) => message },
  ])
  return EXIT_CODES.ok
}

/** `fairlead dags list-runs` */
export async function listRuns(
  terminal: Terminal,
  dagId: string,
  options: Options & { state?: string },
): Promise<number> {
  const api = await connect(terminal, options)
  const state = options.state === undefined ? '' : `&state=${encodeURIComponent(options.state)}`
  const runs = await api.list<RunRow>(dagPath(dagId, `/dagRuns?order_by=-id${state}`), 'dag_runs')
  await printList(terminal, options, runs, RUN_COLUMNS)
  return EXIT_CODES.ok
}

const RUN_COLUMNS: readonly Column<RunRow>[] = [
  { heading: 'run_id', text: (run) => run.dag_run_id },
  { heading: 'state', text: (run) => run.state },
  { heading: 'type', text: (run) => run.run_type },
  { heading: 'run after', text: (run) => run.run_after },
  { heading: 'started', text: (run) => run.start_date },
  { heading: 'duration', text: (run) => durationText(run.duration) },
]

/** What `dags trigger` takes. */
export interface TriggerOptions extends Options {
  readonly runId?: string
  readonly conf?: string
  readonly logicalDate?: string
  readonly note?: string
}

/** `fairlead dags trigger` */
export async function trigger(terminal: Terminal, dagId: string, options: TriggerOptions): Promise<number> {
  const conf = objectOption('conf', options.conf)
  const api = await connect(terminal, options)
  const run = await api.send<RunRow>('POST', dagPath(dagId, '/dagRuns'), {
    ...(options.runId === undefined ? {} : { dag_run_id: options.runId }),
    logical_date: options.logicalDate ?? null,
    conf,
    note: options.note ?? null,
  })
  if (options.output === 'table') await printList(terminal, options, [run], RUN_COLUMNS.slice(0, 4))
  else await printOne(terminal, options, { ...run })
  const dag = await api.get<DagRow>(dagPath(dagId))
  if (dag.is_paused)
    terminal.err(`Dag "${dagId}" is paused, so the run waits. Start it with \`fairlead dags unpause ${dagId}\`.\n`)
  return EXIT_CODES.ok
}

/** `fairlead dags pause` */
export function pause(terminal: Terminal, dagId: string, options: Options): Promise<number> {
  return setPaused(terminal, dagId, options, true)
}

/** `fairlead dags unpause` */
export function unpause(terminal: Terminal, dagId: string, options: Options): Promise<number> {
  return setPaused(terminal, dagId, options, false)
}

async function setPaused(terminal: Terminal, dagId: string, options: Options, isPaused: boolean): Promise<number> {
  const api = await connect(terminal, options)
  const dag = await api.send<DagRow>('PATCH', dagPath(dagId), { is_paused: isPaused })
  await printOne(terminal, options, { dag_id: dag.dag_id, is_paused: dag.is_paused })
  return EXIT_CODES.ok
}
