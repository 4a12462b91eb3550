import { Command } from 'commander'
import type { Run } from './command-kit.ts'
import { backfillCommand } from './commands/backfill.ts'
import { componentCommands } from './commands/components.ts'
import { configCommand } from './commands/config.ts'
import { connectionsCommand } from './commands/connections.ts'
import { dagsCommand } from './commands/dags.ts'
import { dbCommand } from './commands/db.ts'
import { executorsCommand } from './commands/executors.ts'
import { runsCommand } from './commands/runs.ts'
import { rotateEncryptionKeyCommand } from './commands/rotate-encryption-key.ts'
import { tasksCommand } from './commands/tasks.ts'
import { poolsCommand } from './commands/pools.ts'
import { variablesCommand } from './commands/variables.ts'
import { versionCommand } from './commands/version.ts'
import { inherit } from './inherit.ts'
import type { Terminal } from './terminal.ts'

/** The whole command tree. */
export function buildProgram(terminal: Terminal, outcome: { exitCode: number }): Command {
  const run: Run =
    (load) =>
    async (...typed) => {
      const action = await load()
      outcome.exitCode = await action(terminal, ...typed)
    }
  const program = new Command('fairlead')
    .description('Runs Dags: pipelines of tasks, each on the executor that should run it.')
    .addHelpText('after', EXIT_CODE_HELP)
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
  const commands = [
    ...componentCommands(run),
    dagsCommand(run),
    runsCommand(run),
    tasksCommand(run),
    executorsCommand(run),
    poolsCommand(run),
    backfillCommand(run),
    variablesCommand(run),
    connectionsCommand(run),
    configCommand(run),
    dbCommand(run),
    rotateEncryptionKeyCommand(run),
    versionCommand(run),
  ]
  for (const command of commands) inherit(command, program)
  for (const command of commands) program.addCommand(command)
  return program
}

const EXIT_CODE_HELP = `
Exit codes:
  0  it worked             3  what was named does not exist
  1  it failed             4  the server cannot be reached
  2  it was typed wrongly  5  another server uses the database
`
