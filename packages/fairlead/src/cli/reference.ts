import type { Command } from 'commander'

/** The reference page of every command, as Markdown. */
export function commandsReference(program: Command): string {
  const leaves = leavesOf(program)
  const parts = leaves.flatMap(({ name, command }) => [`## \`${name}\``, '', '```text', helpOf(command), '```', ''])
  return `${HEADER}\n${parts.join('\n').trimEnd()}\n`
}

interface Leaf {
  readonly name: string
  readonly command: Command
}

function leavesOf(command: Command, path: readonly string[] = []): readonly Leaf[] {
  const here = [...path, command.name()]
  if (command.commands.length === 0) return [{ name: here.join(' '), command }]
  return command.commands.flatMap((child) => leavesOf(child, here))
}

function helpOf(command: Command): string {
  const written: string[] = []
  command.configureOutput({ writeOut: (text) => void written.push(text), getOutHelpWidth: () => WIDTH })
  command.outputHelp()
  return written.join('').trimEnd()
}

const WIDTH = 100

const HEADER = `# Commands

<!-- Generated from packages/fairlead/src/cli by: npx vitest run packages/fairlead --update. Do not edit. -->

Commands but \`standalone\`, \`config\`, \`db\` and \`version\` are clients of a running server: the one of this home folder,
or that of \`--api-url\` (\`FAIRLEAD_API_URL\`), whose token is in \`FAIRLEAD_API_TOKEN\`.

| exit code | meaning |
| --- | --- |
| 0 | it worked |
| 1 | it failed, or what it watched did |
| 2 | it was typed wrongly |
| 3 | what was named does not exist |
| 4 | the server cannot be reached |
| 5 | another server uses the database |
`
