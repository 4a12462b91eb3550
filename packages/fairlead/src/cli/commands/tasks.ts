import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'
import { addTaskRuns } from './run-task.ts'
import { addTaskChanges } from './task-changes.ts'

/** `fairlead tasks …` */
export function tasksCommand(run: Run): Command {
  const tasks = new Command('tasks').description(
    'See tasks, their states, logs, and why they wait; run, clear, mark and cancel them.',
  )
  const actions = () => import('../actions/tasks.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    tasks
      .command(name)
      .description(description)
      .argument('<dag-id>')
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub('list', 'List the tasks of a Dag.', 'tasks list sales')
    .addOption(outputOption())
    .action(run(async () => (await actions()).listTasks))
  sub(
    'states-for-dag-run',
    'List the task instances of a run with their states.',
    'tasks states-for-dag-run sales first',
  )
    .argument('<run-id>')
    .addOption(outputOption())
    .action(run(async () => (await actions()).statesForDagRun))
  sub(
    'logs',
    'Print the log of a task instance.',
    'tasks logs sales first load',
    'tasks logs sales first load --try 1',
    'tasks logs sales first load --follow',
  )
    .argument('<run-id>')
    .argument('<task-id>')
    .option('--try <number>', 'which try; default: the newest')
    .option('-f, --follow', 'go on until the try ends')
    .addOption(outputOption())
    .action(run(async () => (await import('../actions/task-logs.ts')).taskLogs))
  sub('explain', 'Say why a task instance is where it is.', 'tasks explain sales first load')
    .argument('<run-id>')
    .argument('<task-id>')
    .addOption(outputOption())
    .action(run(async () => (await actions()).explainTask))
  addTaskRuns(sub, run)
  addTaskChanges(sub, run)
  addTest(tasks, run)
  return tasks
}

function addTest(tasks: Command, run: Run): void {
  tasks
    .command('test')
    .description('Run one task once, here and now, without a server and without what comes before it. Nothing is kept.')
    .argument('<dag-id>')
    .argument('<task-id>')
    .argument('[run-id-or-logical-date]', 'what the run is called, or the moment it stands for')
    .option('--inputs <json>', 'a JSON object of the values that tasks before it would have left')
    .option('--conf <json>', 'a JSON object that the task can read')
    .option('--variables <json>', 'a JSON object of variables that it reads')
    .option('--connections <json>', 'a JSON object of connections, each a URI or a JSON object')
    .option('--executor <name>', 'through which executor; default: none, the handler is called in this process')
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples('tasks test sales load', `tasks test sales sum 2026-01-01 --inputs '{"rows": [1, 2]}'`),
    )
    .action(run(async () => (await import('../actions/test-task.ts')).testTask))
}
