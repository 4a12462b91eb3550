import type { Command } from 'commander'
import { EXIT_CODES } from './cli-error.ts'

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

const EXIT_MEANINGS: Record<keyof typeof EXIT_CODES, string> = {
  ok: 'it worked',
  failure: 'it failed, or what it watched did',
  usage: 'it was typed wrongly',
  notFound: 'what was named does not exist',
  serverUnreachable: 'the server cannot be reached',
  inUse: 'another server uses the database',
}

const HEADER = `# Commands

<!-- Generated from packages/fairlead/src/cli by: npx vitest run packages/fairlead --update. Do not edit. -->

Commands but \`standalone\` and the other processes, \`config\`, \`db\` and \`version\` are clients of a running server: the one of this home folder, or that of \`--api-url\` (\`FAIRLEAD_API_URL\`), whose token is in \`FAIRLEAD_API_TOKEN\`.

| exit code | meaning |
| --- | --- |
${Object.entries(EXIT_CODES)
  .map(([name, code]) => `| ${code} | ${EXIT_MEANINGS[name as keyof typeof EXIT_CODES]} |`)
  .join('\n')}
`
