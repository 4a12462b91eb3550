import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { dagPath, taskInstancePath, type TaskInstanceRow } from '../api-shapes.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { printList, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { awaitStops } from './await-stops.ts'

/** See ChangedTaskInstanceCollectionResponse. */
export interface ChangedTasks<Row = TaskInstanceRow & { readonly dag_run_id: string }> {
  readonly task_instances: readonly Row[]
  readonly stopping: number
}

type Options = OutputOptions & ConnectOptions & { readonly wait?: boolean }

interface ReachOptions extends Options {
  readonly upstream?: boolean
  readonly downstream?: boolean
  readonly past?: boolean
  readonly future?: boolean
  readonly dryRun?: boolean
}

/** What `tasks clear` takes. */
export interface ClearOptions extends ReachOptions {
  readonly taskIds?: string
  readonly runId?: string
  readonly startDate?: string
  readonly endDate?: string
  readonly onlyFailed?: boolean
  readonly onlyRunning?: boolean
  readonly runOnLatestVersion?: boolean
}

/** `fairlead tasks clear` */
export async function clearTasks(terminal: Terminal, dagId: string, options: ClearOptions): Promise<number> {
  const { runId, startDate, endDate } = options
  if (runId === undefined && startDate === undefined && endDate === undefined) {
    throw new CliError(EXIT_CODES.usage, 'Name a run with --run-id, or a span with --start-date and --end-date.')
  }
  const api = await connect(terminal, options)
  const changed = await api.send<ChangedTasks>('POST', dagPath(dagId, '/clearTaskInstances'), {
    ...reachOf(options),
    dry_run: options.dryRun === true,
    only_failed: options.onlyFailed === true,
    only_running: options.onlyRunning === true,
    run_on_latest_version: options.runOnLatestVersion === true,
    task_ids: options.taskIds?.split(',') ?? null,
    dag_run_id: runId ?? null,
    start_date: startDate ?? null,
    end_date: endDate ?? null,
  })
  return show(terminal, api, changed, { dagId, runId: runId ?? null, options })
}

/** `fairlead tasks mark` */
export async function markTask(
  terminal: Terminal,
  ...[dagId, runId, taskId, state, options]: [
    dagId: string,
    runId: string,
    taskId: string,
    state: string,
    options: ReachOptions,
  ]
): Promise<number> {
  const api = await connect(terminal, options)
  const path = taskInstancePath({ dagId, runId, taskId }, options.dryRun === true ? '/dry_run' : '')
  const changed = await api.send<ChangedTasks>('PATCH', path, { ...reachOf(options), new_state: state })
  return show(terminal, api, changed, { dagId, runId, options })
}

/** `fairlead tasks cancel` */
export async function cancelTask(
  terminal: Terminal,
  ...[dagId, runId, taskId, options]: [dagId: string, runId: string, taskId: string, options: Options]
): Promise<number> {
  const api = await connect(terminal, options)
  const path = taskInstancePath({ dagId, runId, taskId }, '/cancel')
  return show(terminal, api, await api.send<ChangedTasks>('POST', path, undefined), { dagId, runId, options })
}

/** Lists task instances that were changed, or would be. */
export async function printChanged(
  terminal: Terminal,
  options: OutputOptions,
  { task_instances: rows }: ChangedTasks<TaskInstanceRow>,
): Promise<void> {
  await printList(terminal, options, rows, [
    { heading: 'task_id', text: (row) => row.task_id },
    { heading: 'state', text: (row) => row.state ?? 'none' },
    { heading: 'try', text: (row) => row.try_number },
  ])
}

async function show(
  terminal: Terminal,
  api: ApiClient,
  changed: ChangedTasks,
  { dagId, runId, options }: { dagId: string; runId: string | null; options: Options },
): Promise<number> {
  await printList(terminal, options, changed.task_instances, [
    { heading: 'run_id', text: (row) => row.dag_run_id },
    { heading: 'task_id', text: (row) => row.task_id },
    { heading: 'state', text: (row) => row.state ?? 'none' },
    { heading: 'try', text: (row) => row.try_number },
  ])
  await awaitStops(terminal, api, { dagId, runId, stopping: changed.stopping, wait: options.wait === true })
  return EXIT_CODES.ok
}

function reachOf(options: ReachOptions) {
  return {
    include_upstream: options.upstream === true,
    include_downstream: options.downstream === true,
    include_past: options.past === true,
    include_future: options.future === true,
  }
}
