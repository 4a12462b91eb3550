import { Command } from 'commander'
import { examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead config …` */
export function configCommand(run: Run): Command {
  const config = new Command('config').description('Show the configuration in force here.')
  config
    .command('list')
    .description('List every key with its value.')
    .option('--show-origin', 'say where each value came from')
    .option('--section <section>', 'only this section')
    .addOption(outputOption())
    .addHelpText('after', examples('config list --show-origin', 'config list --section core --output json'))
    .action(run(async () => (await import('../actions/config.ts')).listKeys))
  config
    .command('get-value')
    .description('Print the value of one key.')
    .argument('<section>', 'section, for example core')
    .argument('<key>', 'key, for example dags_folder')
    .addHelpText('after', examples('config get-value core dags_folder'))
    .action(run(async () => (await import('../actions/config.ts')).getValue))
  return config
}
