import type { DagTestResult, TestedTask } from '@fairlead/sdk'
import { loadDag } from '../../dag-test/load-dag.ts'
import { runTest } from '../../dag-test/run-test.ts'
import { inThrowawayFolder } from '../../dag-test/throwaway-folder.ts'
import { EXIT_CODES } from '../cli-error.ts'
import { objectOption } from '../conf-option.ts'
import { printList, printOne, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** What `dags test` takes. */
export interface TestDagOptions extends OutputOptions {
  readonly conf?: string
  readonly variables?: string
  readonly connections?: string
  readonly executor?: string
  readonly markSuccessPattern?: string
  readonly honourRetryDelays?: boolean
}

/** `fairlead dags test` */
export async function testDag(
  terminal: Terminal,
  ...[dagId, logicalDate, options]: [dagId: string, logicalDate: string | undefined, options: TestDagOptions]
): Promise<number> {
  const { output: _, conf: confText, variables: variablesText, connections: connectionsText, ...given } = options
  const conf = objectOption('conf', confText)
  const variables = objectOption('variables', variablesText)
  const connections = objectOption('connections', connectionsText)
  const result = await inThrowawayFolder(terminal, async ({ config }) => {
    const { dag, compiled } = await loadDag(dagId, { config, env: terminal.env, cwd: terminal.cwd })
    const date = logicalDate === undefined ? {} : { logicalDate }
    const told = { write: terminal.err, signal: terminal.signal }
    const test = { ...given, ...date, ...told, conf, variables, connections }
    return runTest({ dag, compile: async () => compiled, config, cwd: terminal.cwd, options: test })
  })
  await print(terminal, options, result)
  return result.state === 'success' ? EXIT_CODES.ok : EXIT_CODES.failure
}

async function print(terminal: Terminal, options: OutputOptions, result: DagTestResult): Promise<void> {
  if (options.output !== 'table') return printOne(terminal, options, { ...result })
  const rows = Object.entries(result.tasks)
  await printList<[string, TestedTask]>(terminal, options, rows, [
    { heading: 'task_id', text: ([taskId]) => taskId },
    { heading: 'state', text: ([, task]) => task.state },
    { heading: 'try', text: ([, task]) => task.tryNumber },
    { heading: 'executor', text: ([, task]) => task.executor },
    { heading: 'result', text: ([, { result: value }]) => (value === null ? '' : JSON.stringify(value).slice(0, 80)) },
    { heading: 'why', text: ([, task]) => task.error?.message },
  ])
}
