import { Command } from 'commander'
import type { OfferedGroup } from './actions/offered-groups.ts'
import { CliError, EXIT_CODES } from './cli-error.ts'
import { inherit } from './inherit.ts'
import type { Terminal } from './terminal.ts'

/** What adding the commands of executors takes. */
export interface AddingTo {
  readonly program: Command
  readonly terminal: Terminal
  /** What was typed after `fairlead`. */
  readonly typed: readonly string[]
  readonly outcome: { exitCode: number }
}

/**
 * Adds the command groups of the configured executors, when help or a word that is no command of ours was typed. Nothing
 * that is wrong with an executor, or with the configuration, stops the command line; help says what was left out, and why.
 */
export async function addExecutorCommands(to: AddingTo): Promise<void> {
  const { program, terminal, typed } = to
  const own = ['help', ...program.commands.map((command) => command.name())]
  const asked = askedFor(typed, own)
  if (asked.kind === 'ours') return
  const { offeredGroups } = await import('./actions/offered-groups.ts')
  const { groups, problems } = await offeredGroups(terminal, own)
  const said = [...problems, ...groups.flatMap((group) => problemOfAdding(group, to) ?? [])]
  if (said.length === 0) return
  program.addHelpText('after', `\nLeft out:\n${said.map((problem) => `  ${problem}`).join('\n')}\n`)
  const isThere = asked.kind === 'help' || groups.some(({ name }) => name === asked.word)
  if (!isThere) for (const problem of said) terminal.err(`${problem}\n`)
}

type Asked = { readonly kind: 'ours' } | { readonly kind: 'help' } | { readonly kind: 'word'; readonly word: string }

function askedFor([first]: readonly string[], own: readonly string[]): Asked {
  if (first === undefined || ['help', '--help', '-h'].includes(first)) return { kind: 'help' }
  return first.startsWith('-') || own.includes(first) ? { kind: 'ours' } : { kind: 'word', word: first }
}

/** Adds a group. Commander throws for flags that it cannot read, and for a command that is there twice. */
function problemOfAdding(group: OfferedGroup, to: AddingTo): string | null {
  try {
    add(to.program, groupCommand(group, to))
    return null
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return `The command group "${group.name}" is not added: ${why}`
  }
}

function add(program: Command, command: Command): void {
  inherit(command, program)
  program.addCommand(command)
}

function groupCommand(group: OfferedGroup, to: AddingTo): Command {
  const names = group.executors.map(({ name }) => `"${name}"`).join(', ')
  const command = new Command(group.name).helpGroup('Commands of executors:')
  if (group.kind === 'conflict') {
    return command
      .description(group.problem)
      .allowUnknownOption()
      .argument('[words...]')
      .action(() => {
        throw new CliError(EXIT_CODES.usage, group.problem)
      })
  }
  command.description(`${group.description} (executor ${names})`)
  for (const one of group.commands) command.addCommand(oneCommand(group, one, to))
  return command
}

function oneCommand(
  group: Extract<OfferedGroup, { kind: 'group' }>,
  one: OfferedCommand,
  { terminal, outcome }: AddingTo,
): Command {
  const command = new Command(one.name).description(one.description)
  for (const argument of one.arguments ?? []) command.argument(argument)
  for (const [flags, about] of Object.entries(one.options ?? {})) command.option(flags, about)
  const names = group.executors.map(({ name }) => name)
  if (names.length > 1) command.option('--executor <name>', `which of ${names.join(', ')}; default: ${names[0] ?? ''}`)
  return command.action(async (...typed: unknown[]) => {
    const { runExecutorCommand } = await import('./actions/run-executor-command.ts')
    const words = typed
      .slice(0, -2)
      .flat()
      .filter((word) => word !== undefined)
    const { executor, ...options } = command.opts<Record<string, string | boolean>>()
    const wanted = names.length > 1 && executor !== undefined ? String(executor) : (names[0] ?? '')
    const chosen = group.executors.find(({ name }) => name === wanted)
    if (chosen === undefined) {
      throw new CliError(
        EXIT_CODES.notFound,
        `"${group.name}" is of ${names.join(', ')}, and not of executor "${wanted}".`,
      )
    }
    outcome.exitCode = await runExecutorCommand(terminal, chosen, {
      run: (call) => one.run(call),
      title: `${group.name} ${one.name}`,
      arguments: words.map(String),
      options: names.length > 1 ? options : command.opts(),
    })
  })
}

type OfferedCommand = Extract<OfferedGroup, { kind: 'group' }>['commands'][number]
