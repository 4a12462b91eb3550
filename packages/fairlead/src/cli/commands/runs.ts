import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead runs …` */
export function runsCommand(run: Run): Command {
  const runs = new Command('runs').description('Watch runs of Dags.')
  runs
    .command('watch')
    .description('Watch a run until it ends; the exit code is 0 when it succeeded and 1 when it failed.')
    .argument('<dag-id>')
    .argument('[run-id]', 'default: the newest run')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('runs watch sales', 'runs watch sales first'))
    .action(run(async () => (await import('../actions/watch-run.ts')).watchRun))
  return runs
}
