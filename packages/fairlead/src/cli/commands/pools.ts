import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead pools …` */
export function poolsCommand(run: Run): Command {
  const pools = new Command('pools').description('Share slots among tasks of all Dags.')
  const actions = () => import('../actions/pools.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    pools
      .command(name)
      .description(description)
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub('list', 'List pools with their slots and who has them.', 'pools list').action(
    run(async () => (await actions()).listPools),
  )
  sub('get', 'Show one pool.', 'pools get default_pool')
    .argument('<pool>')
    .action(run(async () => (await actions()).getPool))
  sub('set', 'Make a pool, or change it.', `pools set warehouse 4 'Connections to the warehouse'`)
    .argument('<pool>')
    .argument('<slots>', '-1 for as many as there are')
    .argument('[description]', 'default: what it has')
    .option('--include-deferred', 'deferred tasks keep their slots')
    .action(run(async () => (await actions()).setPool))
  sub('delete', 'Delete a pool; tasks that name it wait until it is there again.', 'pools delete warehouse')
    .argument('<pool>')
    .action(run(async () => (await actions()).deletePool))
  sub('import', 'Make or change every pool of a JSON file.', 'pools import pools.json')
    .argument('<file>', 'an object of {"slots": …, "description": …, "include_deferred": …} by name')
    .action(run(async () => (await actions()).importPools))
  sub('export', 'Write every pool to a JSON file.', 'pools export pools.json')
    .argument('<file>')
    .action(run(async () => (await actions()).exportPools))
  return pools
}
