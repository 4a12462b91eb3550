import { setTimeout as sleep } from 'node:timers/promises'
import pc from 'picocolors'
import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { dagPath, durationText, runPath, type RunRow, type TaskInstanceRow } from '../api-shapes.ts'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

const EVERY_MS = 250

/** `fairlead runs watch` */
export async function watchRun(
  terminal: Terminal,
  dagId: string,
  wanted: string | undefined,
  options: OutputOptions & ConnectOptions,
): Promise<number> {
  const api = await connect(terminal, options)
  const runId = wanted ?? (await newestRun(api, dagId))
  const show = options.output === 'table' ? progress(terminal) : () => undefined
  for (;;) {
    const run = await api.get<RunRow>(runPath(dagId, runId))
    const tasks = await api.list<TaskInstanceRow>(runPath(dagId, runId, '/taskInstances'), 'task_instances')
    const isOver = run.state === 'success' || run.state === 'failed'
    show(run, tasks)
    if (isOver) {
      if (options.output !== 'table') await printOne(terminal, options, { ...run, task_instances: tasks })
      return run.state === 'success' ? EXIT_CODES.ok : EXIT_CODES.failure
    }
    await sleep(EVERY_MS, undefined, { signal: terminal.signal })
  }
}

async function newestRun(api: ApiClient, dagId: string): Promise<string> {
  const { dag_runs: runs } = await api.get<{ dag_runs: RunRow[] }>(dagPath(dagId, '/dagRuns?order_by=-id&limit=1'))
  const [run] = runs
  if (run !== undefined) return run.dag_run_id
  throw new CliError(
    EXIT_CODES.notFound,
    `Dag "${dagId}" has no runs. Start one with \`fairlead dags trigger ${dagId}\`.`,
  )
}

type Show = (run: RunRow, tasks: readonly TaskInstanceRow[]) => void

/** In a terminal a table that redraws itself; elsewhere one line for each change. */
function progress(terminal: Terminal): Show {
  return terminal.isInteractive ? redrawing(terminal) : changes(terminal)
}

const MOST_ROWS = 30

function redrawing(terminal: Terminal): Show {
  const drawn = { lines: 0 }
  return (run, tasks) => {
    const width = Math.max(...tasks.map(({ task_id }) => task_id.length), 4)
    const open = tasks.filter(({ state }) => state !== 'success')
    const rows = (tasks.length > MOST_ROWS ? open : tasks).slice(0, MOST_ROWS).map((task) => row(task, width))
    const done = tasks.length - tasks.filter(({ state }) => !isSettled(state)).length
    const lines = [
      ...rows,
      `${paint(run.state)} ${run.dag_id} ${run.dag_run_id}: ${done} of ${tasks.length} tasks ${durationText(run.duration)}`,
    ]
    const back = drawn.lines === 0 ? '' : `\u001b[${drawn.lines}F\u001b[0J`
    terminal.out(`${back}${lines.join('\n')}\n`)
    drawn.lines = lines.length
  }
}

function changes(terminal: Terminal): Show {
  const seen = new Map<string, string>()
  return (run, tasks) => {
    const width = Math.max(...tasks.map(({ task_id }) => task_id.length), 4)
    for (const task of tasks) {
      const key = `${task.task_id} ${task.map_index}`
      const now = `${task.state ?? ''} ${task.try_number}`
      if (task.state !== null && seen.get(key) !== now) terminal.out(`${row(task, width)}\n`)
      seen.set(key, now)
    }
    if (seen.get('') !== run.state)
      terminal.out(`run ${run.dag_run_id} ${paint(run.state)} ${durationText(run.duration)}\n`)
    seen.set('', run.state)
  }
}

function row(task: TaskInstanceRow, width: number): string {
  const again = task.try_number > 1 ? ` try ${task.try_number}` : ''
  const why =
    task.failure === null || task.state === 'success' ? '' : ` ${task.failure.error?.message ?? task.failure.cause}`
  const took = durationText(task.duration).padStart(8)
  return `  ${task.task_id.padEnd(width)} ${paint(task.state ?? 'none', 16)} ${took} ${task.executor ?? ''}${again}${why}`
}

function isSettled(state: string | null): boolean {
  return state !== null && ['success', 'failed', 'skipped', 'upstream_failed', 'removed'].includes(state)
}

const COLOURS: Readonly<Record<string, (text: string) => string>> = {
  success: pc.green,
  failed: pc.red,
  upstream_failed: pc.red,
  running: pc.cyan,
  up_for_retry: pc.yellow,
  skipped: pc.magenta,
}

function paint(state: string, width = 0): string {
  return (COLOURS[state] ?? pc.dim)(state.padEnd(width))
}
