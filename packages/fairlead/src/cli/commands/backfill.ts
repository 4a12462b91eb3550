import { Command, InvalidArgumentError, Option } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead backfill …` */
export function backfillCommand(run: Run): Command {
  const backfill = new Command('backfill').description('Run a Dag for dates that are past.')
  const actions = () => import('../actions/backfill.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    backfill
      .command(name)
      .description(description)
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub(
    'create',
    'Create a backfill: its dates run one after another, as far as its limit and that of its Dag allow.',
    'backfill create --dag-id sales --from-date 2026-01-01 --to-date 2026-01-31 --dry-run',
    'backfill create --dag-id sales --from-date 2026-01-01 --to-date 2026-01-31 --reprocess-behavior failed',
  )
    .requiredOption('--dag-id <dag-id>')
    .requiredOption('--from-date <moment>', 'first logical date, included')
    .requiredOption('--to-date <moment>', 'last logical date, included')
    .option('--dag-run-conf <json>', 'a JSON object that tasks can read')
    .option('--max-active-runs <count>', 'runs of it that may be queued or running at once', wholeNumber, 10)
    .addOption(
      new Option('--reprocess-behavior <which>', 'which dates that have a run already are run again')
        .choices(['none', 'failed', 'completed'])
        .default('none'),
    )
    .option('--run-backwards', 'the newest date first')
    .option(
      '--dry-run',
      'change nothing: show the dates in order, what pools would have to bear, and how long it takes',
    )
    .action(run(async () => (await actions()).createBackfill))
  sub('list', 'List backfills, newest first, and how far each is.', 'backfill list', 'backfill list --dag-id sales')
    .option('--dag-id <dag-id>', 'only those of this Dag')
    .action(run(async () => (await actions()).listBackfills))
  sub('pause', 'Create no more runs of a backfill; those that it has go on.', 'backfill pause 3')
    .argument('<backfill-id>', '', wholeNumber)
    .action(run(async () => (await actions()).pauseBackfill))
  sub('unpause', 'Let a backfill go on.', 'backfill unpause 3')
    .argument('<backfill-id>', '', wholeNumber)
    .action(run(async () => (await actions()).unpauseBackfill))
  sub('cancel', 'Give up what has not begun; runs that run go on.', 'backfill cancel 3')
    .argument('<backfill-id>', '', wholeNumber)
    .action(run(async () => (await actions()).cancelBackfill))
  return backfill
}

function wholeNumber(text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}
