import { Command, Option } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead variables …` */
export function variablesCommand(run: Run): Command {
  const variables = new Command('variables').description('Keep values that tasks read by name.')
  const actions = () => import('../actions/variables.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    variables
      .command(name)
      .description(description)
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub('list', 'List variables; values of sensitive names are masked.', 'variables list').action(
    run(async () => (await actions()).listVariables),
  )
  sub('get', 'Print the value of a variable, in plain text, which is audited.', 'variables get plan')
    .argument('<key>')
    .option('--default <value>', 'what to print when there is none')
    .action(run(async () => (await actions()).getVariable))
  sub(
    'set',
    'Keep a value.',
    'variables set plan simple',
    `variables set limits '{"rows": 3}' --description 'of a test'`,
  )
    .argument('<key>')
    .argument('<value>')
    .option('--description <text>')
    .action(run(async () => (await actions()).setVariable))
  sub('delete', 'Forget a variable.', 'variables delete plan')
    .argument('<key>')
    .action(run(async () => (await actions()).deleteVariable))
  sub('import', 'Keep every value of a JSON file.', 'variables import variables.json')
    .argument('<file>', 'an object of values, or of {"value": …, "description": …}, by key')
    .addOption(
      new Option('-a, --action-on-existing-key <action>', 'what to do with a key that is there')
        .choices(['overwrite', 'fail', 'skip'])
        .default('overwrite'),
    )
    .action(run(async () => (await actions()).importVariables))
  sub(
    'export',
    'Write every variable to a JSON file, in plain text, which is audited.',
    'variables export variables.json',
  )
    .argument('<file>', 'is written readable for you alone')
    .action(run(async () => (await actions()).exportVariables))
  return variables
}
