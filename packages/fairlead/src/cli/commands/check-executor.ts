import { Command, Option } from 'commander'
import { examples, type Run } from '../command-kit.ts'

/** `fairlead executors check` */
export function checkCommand(run: Run): Command {
  return new Command('check')
    .description('Try an executor against the invariants of the executor contract, in a temporary installation.')
    .argument('<name>', 'name of a configured executor, or a class: ./mine.ts#MyExecutor, some-package#MyExecutor')
    .addOption(
      new Option(
        '--level <level>',
        'live-safe starts no work and changes nothing outside; full runs and breaks probe tasks. ' +
          'Default: live-safe for a configured executor, full for a class',
      ).choices(['live-safe', 'full']),
    )
    .option('--settings <json>', 'settings of the instance, instead of the configured ones')
    .option('--only <id...>', 'only these invariants, for example FX-603')
    .option('--volume <count>', 'how many workloads the invariant about many hands over', '1000')
    .option('--json', 'write the report as JSON')
    .addHelpText(
      'after',
      examples(
        'executors check default',
        'executors check ./executors/mine.ts#MyExecutor',
        'executors check ./executors/mine.ts#MyExecutor --only FX-603 FX-604 --json',
      ),
    )
    .action(run(async () => (await import('../actions/check-executor.ts')).checkExecutor))
}
