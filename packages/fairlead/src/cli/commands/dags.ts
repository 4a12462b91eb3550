import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead dags …` */
export function dagsCommand(run: Run): Command {
  const dags = new Command('dags').description('See, trigger, pause and unpause Dags.')
  const actions = () => import('../actions/dags.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    dags
      .command(name)
      .description(description)
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub('list', 'List the Dags of the Dags folder.', 'dags list', 'dags list --output json').action(
    run(async () => (await actions()).listDags),
  )
  sub('list-import-errors', 'List the Dag files that do not load, and why.', 'dags list-import-errors').action(
    run(async () => (await actions()).listImportErrors),
  )
  sub(
    'list-runs',
    'List the runs of a Dag, newest first.',
    'dags list-runs sales',
    'dags list-runs sales --state failed',
  )
    .argument('<dag-id>')
    .option('--state <state>', 'only runs in this state')
    .action(run(async () => (await actions()).listRuns))
  dags
    .command('show')
    .description("Show a Dag's tasks as a graph.")
    .argument('<dag-id>')
    .option('--dot', 'as a graph description for Graphviz')
    .addOption(outputOption())
    .addOption(apiUrlOption())
    .addHelpText('after', examples('dags show sales', 'dags show sales --dot | dot -Tsvg > sales.svg'))
    .action(run(async () => (await import('../actions/show-dag.ts')).showDag))
  sub('trigger', 'Start a run of a Dag.', 'dags trigger sales', `dags trigger sales --run-id first --conf '{"day": 3}'`)
    .argument('<dag-id>')
    .option('--run-id <id>', 'id of the run; default: one made of the moment')
    .option('--conf <json>', 'a JSON object that tasks can read')
    .option('--logical-date <moment>', 'moment the run stands for, ISO 8601')
    .option('--note <text>', 'a note on the run')
    .action(run(async () => (await actions()).trigger))
  addTest(dags, run)
  sub('pause', 'Pause a Dag: it starts no runs and queues no tasks; what runs goes on.', 'dags pause sales')
    .argument('<dag-id>')
    .action(run(async () => (await actions()).pause))
  sub('unpause', 'Unpause a Dag.', 'dags unpause sales')
    .argument('<dag-id>')
    .action(run(async () => (await actions()).unpause))
  return dags
}

function addTest(dags: Command, run: Run): void {
  dags
    .command('test')
    .description('Run a Dag once, here and now, without a server: one process, or any executor. Nothing is kept.')
    .argument('<dag-id>')
    .argument('[logical-date]', 'moment the run stands for, ISO 8601')
    .option('--conf <json>', 'a JSON object that tasks can read')
    .option('--variables <json>', 'a JSON object of variables that its tasks read')
    .option('--connections <json>', 'a JSON object of connections, each a URI or a JSON object')
    .option('--executor <name>', 'through which executor; default: none, handlers are called in this process')
    .option('--mark-success-pattern <regex>', 'tasks whose id matches succeed without being run')
    .option('--honour-retry-delays', 'wait between tries as long as the tasks say')
    .addOption(outputOption())
    .addHelpText('after', examples('dags test sales', 'dags test sales 2026-01-01 --executor acme'))
    .action(run(async () => (await import('../actions/test-dag.ts')).testDag))
}
