import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type ApiClient, type ConnectOptions } from '../api-client.ts'
import { executorPath, type DrainRow, type ExecutorRow, type ExecutorStanding } from '../api-shapes.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** `fairlead executors list` */
export async function listExecutors(
  terminal: Terminal,
  options: Options & { readonly schedulers?: boolean },
): Promise<number> {
  const api = await connect(terminal, options)
  const { executors } = await api.get<{ executors: ExecutorRow[] }>('/api/v2/executors')
  if (options.schedulers === true) await printSchedulers(terminal, options, executors)
  else await printExecutors(terminal, options, executors)
  if (options.output !== 'table') return EXIT_CODES.ok
  for (const { name, remarks } of executors) for (const remark of remarks) terminal.err(`${name}: ${remark}\n`)
  return EXIT_CODES.ok
}

function printExecutors(terminal: Terminal, options: Options, executors: readonly ExecutorRow[]): Promise<void> {
  return printList(terminal, options, executors, [
    { heading: 'name', text: ({ name, is_default: isDefault }) => (isDefault ? `${name} (default)` : name) },
    { heading: 'class', text: (row) => row.class_name },
    { heading: 'status', text: (row) => row.status },
    { heading: 'open', text: ({ open_slots: open, parallelism }) => `${open}/${parallelism}` },
    { heading: 'waiting', text: (row) => row.waiting },
    { heading: 'queued', text: (row) => row.queued },
    { heading: 'running', text: (row) => row.running },
    { heading: 'stopping', text: (row) => row.stopping },
    { heading: 'since', text: (row) => row.since },
    { heading: 'why', text: (row) => whyOf(row) },
  ])
}

function printSchedulers(terminal: Terminal, options: Options, executors: readonly ExecutorRow[]): Promise<void> {
  const rows = executors.flatMap(({ name, schedulers }) => schedulers.map((scheduler) => ({ name, ...scheduler })))
  return printList(terminal, options, rows, [
    { heading: 'name', text: (row) => row.name },
    { heading: 'scheduler', text: ({ hostname, pid }) => `${hostname}:${pid}` },
    { heading: 'status', text: (row) => row.status },
    { heading: 'holds', text: ({ held, parallelism }) => `${held}/${parallelism}` },
    { heading: 'since', text: (row) => row.since },
    { heading: 'seen', text: (row) => row.updated_at },
    { heading: 'why', text: (row) => whyOf(row) },
  ])
}

/** Why it takes no work, or failed last. */
function whyOf({ reason, failures, next_try_at: next, last_failure: last }: ExecutorStanding): string {
  if (reason !== null) return `${reason}; tried ${failures} times, next ${next ?? 'now'}`
  return last === null ? '' : `last failure ${last.at}: ${last.method}: ${last.reason}`
}

interface DrainOptions extends Options {
  readonly to?: string
  readonly moveRunning?: boolean
  readonly force?: boolean
  readonly wait?: boolean
}

/** `fairlead executors drain` */
export async function drainExecutor(terminal: Terminal, name: string, options: DrainOptions): Promise<number> {
  const api = await connect(terminal, options)
  const ordered = await api.send<DrainRow>('POST', executorPath(name, '/drain'), {
    to: options.to ?? null,
    move_running: options.moveRunning === true,
    force: options.force === true,
  })
  const drain = options.wait === true ? await follow(terminal, api, name, options) : ordered
  const { staying, remarks, ...counts } = drain
  await printOne(terminal, options, options.output === 'table' ? counts : { ...drain })
  if (options.output !== 'table') return EXIT_CODES.ok
  for (const { dag_id: dagId, task_id: taskId, count, reason } of staying)
    terminal.err(`${count} of task "${taskId}" of Dag "${dagId}" stay on "${name}": ${reason}\n`)
  for (const remark of remarks) terminal.err(`${remark}\n`)
  return EXIT_CODES.ok
}

const EVERY_MS = 250

/** Shows each change until nothing is left, or nothing that a drain can do alone. */
async function follow(terminal: Terminal, api: ApiClient, name: string, options: Options): Promise<DrainRow> {
  let shown = ''
  for (;;) {
    const drain = await api.get<DrainRow>(executorPath(name, '/drain'))
    const { moved, waiting, queued, running, stopping } = drain
    const line = `moved ${moved}, waiting ${waiting}, queued ${queued}, running ${running}, stopping ${stopping}\n`
    if (line !== shown && options.output === 'table') terminal.err(line)
    shown = line
    if (drain.is_done || drain.unconfirmed > 0) return drain
    await sleep(EVERY_MS, undefined, { signal: terminal.signal })
  }
}

/** `fairlead executors undrain` */
export async function undrainExecutor(terminal: Terminal, name: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  await api.delete(executorPath(name, '/drain'))
  await printOne(terminal, options, { executor: name, draining: false })
  return EXIT_CODES.ok
}
