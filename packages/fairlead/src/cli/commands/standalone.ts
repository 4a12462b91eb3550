import { Command } from 'commander'
import { examples, type Run } from '../command-kit.ts'

/** `fairlead standalone` */
export function standaloneCommand(run: Run): Command {
  return new Command('standalone')
    .description('Start everything in one process: scheduler, API and Dag processor on the embedded database.')
    .option('--port <port>', 'port of the API; 0 takes any free one')
    .addHelpText('after', examples('standalone', 'standalone --port 0', 'standalone --port 9000'))
    .action(run(async () => (await import('../actions/standalone.ts')).standalone))
}
