import { Argument, type Command } from 'commander'
import { outputOption, waitOption, type Run } from '../command-kit.ts'

/** Adds `fairlead tasks clear|mark|cancel`. */
export function addTaskChanges(
  sub: (name: string, description: string, ...lines: readonly string[]) => Command,
  run: Run,
): void {
  const changes = () => import('../actions/change-tasks.ts')
  const reaching = (command: Command): Command =>
    command
      .option('-u, --upstream', 'with what is upstream of them')
      .option('-d, --downstream', 'with what is downstream of them')
      .option('--past', 'in earlier runs too')
      .option('--future', 'in later runs too')
      .option('--dry-run', 'only list what would be changed')
      .addOption(waitOption())
      .addOption(outputOption())
  reaching(
    sub(
      'clear',
      'Run tasks again; what runs is stopped first. Runs keep their version of the Dag, unless told otherwise.',
      'tasks clear sales --run-id first --only-failed',
      'tasks clear sales --run-id first --task-ids load,report --downstream',
      'tasks clear sales --run-id first --only-failed --run-on-latest-version',
      'tasks clear sales --start-date 2026-01-01 --end-date 2026-01-31 --dry-run',
    ),
  )
    .option('-t, --task-ids <ids>', 'these tasks, separated by commas; default: all')
    .option('-r, --run-id <id>', 'of this run; default: of every run in the span')
    .option('-s, --start-date <moment>', 'of runs from this logical date on')
    .option('-e, --end-date <moment>', 'of runs up to this logical date')
    .option('-f, --only-failed', 'only what failed')
    .option('--only-running', 'only what runs')
    .option('--run-on-latest-version', "move their runs to the Dag's latest version")
    .action(run(async () => (await changes()).clearTasks))
  reaching(
    sub(
      'mark',
      'Mark a task instance; its process is stopped.',
      'tasks mark sales first load success',
      'tasks mark sales first load skipped --downstream',
    )
      .argument('<run-id>')
      .argument('<task-id>')
      .addArgument(new Argument('<state>').choices(['success', 'failed', 'skipped'])),
  ).action(run(async () => (await changes()).markTask))
  sub('cancel', 'Stop a task instance: it fails, and is not tried again.', 'tasks cancel sales first load --wait')
    .argument('<run-id>')
    .argument('<task-id>')
    .addOption(waitOption())
    .addOption(outputOption())
    .action(run(async () => (await changes()).cancelTask))
}
