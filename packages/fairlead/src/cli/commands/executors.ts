import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'
import { checkCommand } from './check-executor.ts'

/** `fairlead executors …` */
export function executorsCommand(run: Run): Command {
  const executors = new Command('executors').description('See the executors, how they fare, and drain them.')
  const actions = () => import('../actions/executors.ts')
  executors
    .command('list')
    .description('List the executors with their health, their slots, and what waits for them.')
    .option('--schedulers', 'a row for each scheduler that has the executor')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('executors list', 'executors list --schedulers', 'executors list --output json'))
    .action(run(async () => (await actions()).listExecutors))
  executors
    .command('drain')
    .description(
      'Start nothing more on an executor. What waits for it moves to another one, or waits; what runs finishes.',
    )
    .argument('<name>')
    .option('--to <name>', 'the executor that takes what waits and what is queued; default: it waits')
    .option('--move-running', 'stop what runs, and begin it again elsewhere at the cost of no try')
    .option('--force', 'take processes to be gone whose executor no scheduler has: they may run twice')
    .option('--wait', 'follow until nothing is left')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText(
      'after',
      examples(
        'executors drain old',
        'executors drain old --to new --wait',
        'executors drain old --to new --move-running',
      ),
    )
    .action(run(async () => (await actions()).drainExecutor))
  executors
    .command('undrain')
    .description('Let an executor take work again. What was moved stays where it is.')
    .argument('<name>')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('executors undrain old'))
    .action(run(async () => (await actions()).undrainExecutor))
  executors.addCommand(checkCommand(run))
  return executors
}
