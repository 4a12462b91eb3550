import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead executors …` */
export function executorsCommand(run: Run): Command {
  const executors = new Command('executors').description('See the executors and how they fare.')
  const actions = () => import('../actions/executors.ts')
  executors
    .command('list')
    .description('List the executors with their health, their slots, and what waits for them.')
    .option('--schedulers', 'a row for each scheduler that has the executor')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('executors list', 'executors list --schedulers', 'executors list --output json'))
    .action(run(async () => (await actions()).listExecutors))
  return executors
}
