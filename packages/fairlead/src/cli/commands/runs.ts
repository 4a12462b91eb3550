import { Argument, Command } from 'commander'
import { apiUrlOption, examples, outputOption, waitOption, type Run } from '../command-kit.ts'

/** `fairlead runs …` */
export function runsCommand(run: Run): Command {
  const runs = new Command('runs').description('Watch, clear, mark, cancel and delete runs of Dags.')
  runs
    .command('watch')
    .description('Watch a run until it ends; the exit code is 0 when it succeeded and 1 when it failed.')
    .argument('<dag-id>')
    .argument('[run-id]', 'default: the newest run')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('runs watch sales', 'runs watch sales first'))
    .action(run(async () => (await import('../actions/watch-run.ts')).watchRun))
  const actions = () => import('../actions/change-runs.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    runs
      .command(name)
      .description(description)
      .argument('<dag-id>')
      .argument('<run-id>')
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub(
    'clear',
    'Run the tasks of a run again; what runs is stopped first. It keeps its version of the Dag, unless told otherwise.',
    'runs clear sales first',
    'runs clear sales first --only-failed',
    'runs clear sales first --run-on-latest-version',
    'runs clear sales first --dry-run',
  )
    .option('--only-failed', 'only what failed')
    .option('--run-on-latest-version', "move the run to the Dag's latest version")
    .option('--dry-run', 'only list what would be cleared')
    .addOption(waitOption())
    .action(run(async () => (await actions()).clearRun))
  sub('mark', 'Mark a run; what runs of it is stopped.', 'runs mark sales first success')
    .addArgument(new Argument('<state>').choices(['success', 'failed', 'queued']))
    .addOption(waitOption())
    .action(run(async () => (await actions()).markRun))
  sub('cancel', 'Stop a run: it fails, and nothing of it is tried again.', 'runs cancel sales first --wait')
    .addOption(waitOption())
    .action(run(async () => (await actions()).cancelRun))
  sub('delete', 'Delete a run that has ended, with its tries and XComs.', 'runs delete sales first').action(
    run(async () => (await actions()).deleteRun),
  )
  return runs
}
