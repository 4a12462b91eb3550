import { loadDag } from '../../dag-test/load-dag.ts'
import { onlyTask, taskOf, xcomsOf } from '../../dag-test/one-task.ts'
import { runTest } from '../../dag-test/run-test.ts'
import { inThrowawayFolder } from '../../dag-test/throwaway-folder.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { objectOption } from '../conf-option.ts'
import { printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** What `tasks test` takes. */
export interface TestTaskOptions extends OutputOptions {
  readonly conf?: string
  readonly variables?: string
  readonly connections?: string
  readonly inputs?: string
  readonly executor?: string
}

/** `fairlead tasks test` */
export async function testTask(
  terminal: Terminal,
  ...[dagId, taskId, runIdOrDate, options]: [string, string, string | undefined, TestTaskOptions]
): Promise<number> {
  const conf = objectOption('conf', options.conf)
  const inputs = objectOption('inputs', options.inputs)
  const variables = objectOption('variables', options.variables)
  const connections = objectOption('connections', options.connections)
  const told = { write: terminal.err, signal: terminal.signal }
  const result = await inThrowawayFolder(terminal, async ({ config }) => {
    const { dag, compiled } = await loadDag(dagId, { config, env: terminal.env, cwd: terminal.cwd })
    const task = taskOf(compiled.spec, taskId)
    const missing = task.inputs.filter(({ name }) => !Object.hasOwn(inputs, name))
    for (const { name, taskId: from } of missing) {
      terminal.err(`"${name}", which task "${from}" would leave, is null. Give it by --inputs '{"${name}": …}'.\n`)
    }
    const executor = options.executor === undefined ? {} : { executor: options.executor }
    return runTest({
      dag,
      compile: async () => compiled,
      config,
      cwd: terminal.cwd,
      options: { conf, variables, connections, ...runOf(runIdOrDate), ...executor, ...told },
      part: (spec) => onlyTask(spec, taskId),
      xcoms: xcomsOf(task, inputs),
    })
  })
  const { state = 'failed', result: value, error } = result.tasks[taskId] ?? {}
  await printOne(terminal, options, {
    task_id: taskId,
    state,
    result: value,
    ...(error ? { error: error.message } : {}),
  })
  return state === 'success' || state === 'skipped' ? EXIT_CODES.ok : EXIT_CODES.failure
}

/** Airflow takes either: a moment is the logical date, anything else the id of the run. */
function runOf(text: string | undefined): { logicalDate?: string; runId?: string } {
  if (text === undefined) return {}
  return /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text)) ? { logicalDate: text } : { runId: text }
}
