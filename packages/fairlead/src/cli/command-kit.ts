import { Option } from 'commander'
import type { Terminal } from './terminal.ts'

/** What every command is built with. */

/** Runs an action that is loaded only now, so that help costs little, and keeps its exit code. */
export type Run = <A extends readonly unknown[]>(
  load: () => Promise<(terminal: Terminal, ...typed: A) => Promise<number>>,
) => (...typed: A) => Promise<void>

/** The option for how results are written. */
export function outputOption(): Option {
  return new Option('-o, --output <format>', 'how the result is written')
    .choices(['table', 'json', 'yaml'])
    .default('table')
}

/** The option for another server than the local one. */
export function apiUrlOption(): Option {
  return new Option(
    '--api-url <url>',
    'address of the server (its token in FAIRLEAD_API_TOKEN); default: the one of this home folder',
  )
}

/** The option of commands that stop processes. */
export function waitOption(): Option {
  return new Option('--wait', 'wait until every process that is stopped is confirmed gone')
}

/** Examples, as they follow the help of a command. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ fairlead ${line}`).join('\n')}\n`
}
