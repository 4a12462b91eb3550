import { Command } from 'commander'
import { examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead version` */
export function versionCommand(run: Run): Command {
  return new Command('version')
    .description('Show the version of Fairlead and of what it runs on.')
    .addOption(outputOption())
    .addHelpText('after', examples('version', 'version --output json'))
    .action(run(async () => (await import('../actions/version.ts')).version))
}
