import { Command } from 'commander'
import { examples, type Run } from '../command-kit.ts'

/** Commands that run a component of the server until they are told to stop. */
export function componentCommands(run: Run): readonly Command[] {
  return [standalone(run), apiServer(run), scheduler(run), dagProcessor(run), workerHost(run)]
}

const load = () => import('../actions/components.ts')

function standalone(run: Run): Command {
  return new Command('standalone')
    .description('Start everything in one process: scheduler, API and Dag processor on the embedded database.')
    .option('--port <port>', 'port of the API; 0 takes any free one')
    .addHelpText('after', examples('standalone', 'standalone --port 0', 'standalone --port 9000'))
    .action(run(async () => (await load()).standalone))
}

function apiServer(run: Run): Command {
  return new Command('api-server')
    .description('Serve the REST API and the Execution API, on PostgreSQL, beside other processes.')
    .option('--port <port>', 'port of the API; 0 takes any free one')
    .addHelpText('after', examples('api-server', 'api-server --port 9000'))
    .action(run(async () => (await load()).apiServer))
}

function scheduler(run: Run): Command {
  return new Command('scheduler')
    .description(
      'Run a scheduler and its executors, on PostgreSQL, beside other processes; several at once share the work.',
    )
    .option(
      '--health-port <port>',
      'serve /health and /metrics on this port of the loopback address; 0 takes any free one',
    )
    .addHelpText('after', examples('scheduler', 'scheduler --health-port 8974'))
    .action(run(async () => (await load()).scheduler))
}

function dagProcessor(run: Run): Command {
  return new Command('dag-processor')
    .description('Read the Dags folder, on PostgreSQL, beside other processes.')
    .option(
      '--health-port <port>',
      'serve /health and /metrics on this port of the loopback address; 0 takes any free one',
    )
    .addHelpText('after', examples('dag-processor', 'dag-processor --health-port 8975'))
    .action(run(async () => (await load()).dagProcessor))
}

function workerHost(run: Run): Command {
  return new Command('worker-host')
    .description(
      'Run the worker host of a local executor, to which its schedulers attach instead of starting their own.',
    )
    .option('--executor <name>', 'name of the executor, where several have a worker host')
    .addHelpText('after', examples('worker-host', 'worker-host --executor tasks'))
    .action(run(async () => (await import('../actions/worker-host.ts')).workerHost))
}
