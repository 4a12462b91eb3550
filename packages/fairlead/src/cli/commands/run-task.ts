import type { Command } from 'commander'
import { outputOption, type Run } from '../command-kit.ts'

/** Adds `fairlead tasks run|state`. */
export function addTaskRuns(
  sub: (name: string, description: string, ...lines: readonly string[]) => Command,
  run: Run,
): void {
  const actions = () => import('../actions/run-task.ts')
  const one = (command: Command): Command =>
    command
      .argument('<run-id>')
      .argument('<task-id>')
      .option('--map-index <number>', 'which instance of a mapped task')
      .addOption(outputOption())
  one(sub('state', 'Print the state of a task instance.', 'tasks state sales first load')).action(
    run(async () => (await actions()).taskState),
  )
  one(
    sub(
      'run',
      'Run a task instance now, on an executor that can be asked for one. Pools, limits and pauses hold.',
      'tasks run sales first load --wait',
      'tasks run sales first load --executor general --ignore-dependencies',
    ),
  )
    .option('--executor <name>', 'on this executor; default: where it would run anyway')
    .option('-i, --ignore-dependencies', 'even if what is upstream of it has not ended, or has failed')
    .option('--wait', 'wait for its end; the exit code says how it ended')
    .action(run(async () => (await actions()).runTask))
}
