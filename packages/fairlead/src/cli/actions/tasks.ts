import { connect, type ConnectOptions } from '../api-client.ts'
import { dagPath, durationText, runPath, taskInstancePath, type TaskInstanceRow, type TaskRow } from '../api-shapes.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

type Options = OutputOptions & ConnectOptions

/** `fairlead tasks list` */
export async function listTasks(terminal: Terminal, dagId: string, options: Options): Promise<number> {
  const api = await connect(terminal, options)
  const { tasks } = await api.get<{ tasks: TaskRow[] }>(dagPath(dagId, '/tasks'))
  await printList(terminal, options, tasks, [
    { heading: 'task_id', text: (task) => task.task_id },
    { heading: 'kind', text: (task) => task.operator_name },
    { heading: 'trigger rule', text: (task) => task.trigger_rule },
    { heading: 'retries', text: (task) => task.retries },
    { heading: 'downstream', text: (task) => (task.downstream_task_ids ?? []).join(', ') },
  ])
  return EXIT_CODES.ok
}

/** `fairlead tasks states-for-dag-run` */
export async function statesForDagRun(
  terminal: Terminal,
  dagId: string,
  runId: string,
  options: Options,
): Promise<number> {
  const api = await connect(terminal, options)
  const rows = await api.list<TaskInstanceRow>(runPath(dagId, runId, '/taskInstances'), 'task_instances')
  await printList(terminal, options, rows, [
    { heading: 'task_id', text: (row) => row.task_id },
    { heading: 'state', text: (row) => row.state ?? 'none' },
    { heading: 'try', text: (row) => row.try_number },
    { heading: 'executor', text: (row) => row.executor },
    { heading: 'started', text: (row) => row.start_date },
    { heading: 'duration', text: (row) => durationText(row.duration) },
    { heading: 'why', text: ({ failure }) => (failure === null ? '' : (failure.error?.message ?? failure.cause)) },
  ])
  return EXIT_CODES.ok
}

interface ExplainedTask {
  readonly gate: string
  readonly explanation: string
  readonly facts: Readonly<Record<string, unknown>>
  readonly task_instance: TaskInstanceRow
}

/** `fairlead tasks explain` */
export async function explainTask(
  terminal: Terminal,
  ...[dagId, runId, taskId, options]: [dagId: string, runId: string, taskId: string, options: Options]
): Promise<number> {
  const api = await connect(terminal, options)
  const explained = await api.get<ExplainedTask>(taskInstancePath({ dagId, runId, taskId }, '/explain'))
  if (options.output !== 'table') {
    await printOne(terminal, options, { ...explained })
    return EXIT_CODES.ok
  }
  const { task_instance: row, gate, explanation, facts } = explained
  terminal.out(`${explanation}\n\n`)
  const failure = row.failure === null ? {} : { cause: row.failure.cause, error: row.failure.error?.message ?? '' }
  await printOne(terminal, options, { gate, state: row.state ?? 'none', try: row.try_number, ...facts, ...failure })
  return EXIT_CODES.ok
}
