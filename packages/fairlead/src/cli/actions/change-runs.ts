import { connect, type ConnectOptions } from '../api-client.ts'
import { runPath, type RunRow, type TaskInstanceRow } from '../api-shapes.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { awaitStops } from './await-stops.ts'
import { printChanged, type ChangedTasks } from './change-tasks.ts'

type Options = OutputOptions & ConnectOptions & { readonly wait?: boolean }

type ChangedRun = RunRow & { readonly stopping: number }

/** `fairlead runs clear` */
export async function clearRun(
  terminal: Terminal,
  ...[dagId, runId, options]: [
    dagId: string,
    runId: string,
    options: Options & {
      readonly onlyFailed?: boolean
      readonly runOnLatestVersion?: boolean
      readonly dryRun?: boolean
    },
  ]
): Promise<number> {
  const api = await connect(terminal, options)
  const body = {
    dry_run: options.dryRun === true,
    only_failed: options.onlyFailed === true,
    run_on_latest_version: options.runOnLatestVersion === true,
  }
  const path = runPath(dagId, runId, '/clear')
  if (body.dry_run) {
    await printChanged(terminal, options, await api.send<ChangedTasks<TaskInstanceRow>>('POST', path, body))
    return EXIT_CODES.ok
  }
  return show(terminal, { dagId, runId }, options, await api.send<ChangedRun>('POST', path, body))
}

/** `fairlead runs mark` */
export async function markRun(
  terminal: Terminal,
  ...[dagId, runId, state, options]: [dagId: string, runId: string, state: string, options: Options]
): Promise<number> {
  const api = await connect(terminal, options)
  return show(
    terminal,
    { dagId, runId },
    options,
    await api.send<ChangedRun>('PATCH', runPath(dagId, runId), { state }),
  )
}

/** `fairlead runs cancel` */
export async function cancelRun(
  terminal: Terminal,
  ...[dagId, runId, options]: [dagId: string, runId: string, options: Options]
): Promise<number> {
  const api = await connect(terminal, options)
  const run = await api.send<ChangedRun>('POST', runPath(dagId, runId, '/cancel'), undefined)
  return show(terminal, { dagId, runId }, options, run)
}

/** `fairlead runs delete` */
export async function deleteRun(
  terminal: Terminal,
  ...[dagId, runId, options]: [dagId: string, runId: string, options: Options]
): Promise<number> {
  const api = await connect(terminal, options)
  await api.delete(runPath(dagId, runId))
  await printOne(terminal, options, { dag_id: dagId, dag_run_id: runId, deleted: true })
  return EXIT_CODES.ok
}

async function show(
  terminal: Terminal,
  at: { dagId: string; runId: string },
  options: Options,
  run: ChangedRun,
): Promise<number> {
  const shown = { dag_id: run.dag_id, dag_run_id: run.dag_run_id, state: run.state, stopping: run.stopping }
  await printOne(terminal, options, options.output === 'table' ? shown : { ...run })
  await awaitStops(terminal, await connect(terminal, options), {
    ...at,
    stopping: run.stopping,
    wait: options.wait === true,
  })
  return EXIT_CODES.ok
}
