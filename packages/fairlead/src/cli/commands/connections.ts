import { Command } from 'commander'
import { apiUrlOption, examples, outputOption, type Run } from '../command-kit.ts'

/** `fairlead connections …` */
export function connectionsCommand(run: Run): Command {
  const connections = new Command('connections').description('Keep how tasks reach systems outside.')
  const actions = () => import('../actions/connections.ts')
  const sub = (name: string, description: string, ...lines: readonly string[]) =>
    connections
      .command(name)
      .description(description)
      .addOption(outputOption())
      .addOption(apiUrlOption())
      .addHelpText('after', examples(...lines))
  sub('list', 'List connections; passwords are masked.', 'connections list').action(
    run(async () => (await actions()).listConnections),
  )
  sub('get', 'Show a connection.', 'connections get db', 'connections get db --reveal --output json')
    .argument('<connection-id>')
    .option('--reveal', 'in plain text, which is audited')
    .action(run(async () => (await actions()).getConnection))
  sub(
    'add',
    'Keep a connection. A password is better read from a file than typed where others see it.',
    'connections add db --conn-type postgres --conn-host db.example --conn-login ada --conn-password-file password.txt',
    'connections add cache --conn-uri redis://cache.example:6379/0',
  )
    .argument('<connection-id>')
    .option('--conn-uri <uri>', 'all of it: `type://login:password@host:port/schema?extra=value`')
    .option('--conn-json <json>', 'all of it, as a JSON object')
    .option('--conn-type <type>')
    .option('--conn-description <text>')
    .option('--conn-host <host>')
    .option('--conn-login <login>')
    .option('--conn-password <password>')
    .option('--conn-password-file <file>', 'read the password from a file')
    .option('--conn-schema <schema>')
    .option('--conn-port <port>')
    .option('--conn-extra <json>', 'a JSON object')
    .option('--overwrite', 'also when there is one of this id')
    .action(run(async () => (await actions()).addConnection))
  sub('delete', 'Forget a connection.', 'connections delete db')
    .argument('<connection-id>')
    .action(run(async () => (await actions()).deleteConnection))
  sub('import', 'Keep every connection of a JSON file.', 'connections import connections.json')
    .argument('<file>', 'an object of connections, as JSON objects or URIs, by id')
    .option('--overwrite', 'also those that are there already')
    .action(run(async () => (await actions()).importConnections))
  sub(
    'export',
    'Write every connection to a JSON file, in plain text, which is audited.',
    'connections export connections.json',
  )
    .argument('<file>', 'is written readable for you alone')
    .action(run(async () => (await actions()).exportConnections))
  return connections
}
