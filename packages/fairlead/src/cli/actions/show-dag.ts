import { connect, type ConnectOptions } from '../api-client.ts'
import { dagPath, type TaskRow } from '../api-shapes.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead dags show`: the graph as text, for Graphviz, or as data. */
export async function showDag(
  terminal: Terminal,
  dagId: string,
  options: OutputOptions & ConnectOptions & { dot?: boolean },
): Promise<number> {
  const api = await connect(terminal, options)
  const { tasks } = await api.get<{ tasks: TaskRow[] }>(dagPath(dagId, '/tasks'))
  if (options.dot === true) terminal.out(dotOf(dagId, tasks))
  else if (options.output === 'table') terminal.out(textOf(dagId, tasks))
  else await printOne(terminal, options, { dag_id: dagId, tasks })
  return EXIT_CODES.ok
}

/** Tasks in levels, each with what follows it. */
function textOf(dagId: string, tasks: readonly TaskRow[]): string {
  const width = Math.max(0, ...tasks.map(({ task_id }) => task_id.length))
  const lines = levelsOf(tasks).flatMap((level, depth) =>
    level.map(({ task_id: taskId, downstream_task_ids: downstream, trigger_rule: rule }) => {
      const arrow = downstream === null || downstream.length === 0 ? '' : `  →  ${downstream.join(', ')}`
      const gate = rule === null || rule === 'all_success' ? '' : `  [${rule}]`
      return `${'  '.repeat(depth)}${arrow === '' && gate === '' ? taskId : taskId.padEnd(width - depth * 2)}${arrow}${gate}`
    }),
  )
  return `${dagId} (${tasks.length} ${tasks.length === 1 ? 'task' : 'tasks'})\n${lines.map((line) => `  ${line}\n`).join('')}`
}

/** A task is one level below the deepest task before it. */
function levelsOf(tasks: readonly TaskRow[]): readonly TaskRow[][] {
  const byId = new Map(tasks.map((task) => [task.task_id, task]))
  const waitingFor = new Map(tasks.map((task) => [task.task_id, 0]))
  for (const task of tasks) {
    for (const next of task.downstream_task_ids ?? []) waitingFor.set(next, (waitingFor.get(next) ?? 0) + 1)
  }
  const levels: TaskRow[][] = []
  let level = tasks.filter((task) => waitingFor.get(task.task_id) === 0)
  while (level.length > 0) {
    levels.push(level)
    const next: TaskRow[] = []
    for (const id of level.flatMap((task) => task.downstream_task_ids ?? [])) {
      const left = (waitingFor.get(id) ?? 0) - 1
      waitingFor.set(id, left)
      const task = byId.get(id)
      if (left === 0 && task !== undefined) next.push(task)
    }
    level = next
  }
  return levels
}

function dotOf(dagId: string, tasks: readonly TaskRow[]): string {
  const nodes = tasks.map(({ task_id }) => `  ${JSON.stringify(task_id)};\n`)
  const edges = tasks.flatMap(({ task_id, downstream_task_ids: downstream }) =>
    (downstream ?? []).map((next) => `  ${JSON.stringify(task_id)} -> ${JSON.stringify(next)};\n`),
  )
  return `digraph ${JSON.stringify(dagId)} {\n  rankdir=LR;\n  node [shape=box];\n${nodes.join('')}${edges.join('')}}\n`
}
