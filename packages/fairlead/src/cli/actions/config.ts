import { listConfig, nearestName, type ConfigRow } from '@fairlead/core/config'
import { CliError, EXIT_CODES } from '../cli-error.ts'
import { loadConfiguration } from '../../load-configuration.ts'
import { printList, type Column, type OutputOptions } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/** `fairlead config list` */
export async function listKeys(
  terminal: Terminal,
  options: OutputOptions & { showOrigin?: boolean; section?: string },
): Promise<number> {
  const all = listConfig(await loadConfiguration(terminal))
  const rows = options.section === undefined ? all : rowsOf(all, options.section)
  const shown = rows.map(({ origin, ...row }) => (options.showOrigin === true ? { ...row, origin } : row))
  await printList<Omit<ConfigRow, 'origin'> & { origin?: string }>(terminal, options, shown, [
    ...COLUMNS,
    ...(options.showOrigin === true ? [{ heading: 'origin', text: ({ origin }: { origin?: string }) => origin }] : []),
  ])
  return EXIT_CODES.ok
}

/** `fairlead config get-value` */
export async function getValue(terminal: Terminal, section: string, key: string): Promise<number> {
  const rows = rowsOf(listConfig(await loadConfiguration(terminal)), section)
  const row = rows.find((one) => one.key === key)
  if (row === undefined)
    throw unknown(
      `key "${key}" in section "${section}"`,
      nearestName(
        key,
        rows.map((one) => one.key),
      ),
    )
  terminal.out(`${row.value}\n`)
  return EXIT_CODES.ok
}

const COLUMNS: readonly Column<Omit<ConfigRow, 'origin'>>[] = [
  { heading: 'section', text: ({ section }) => section },
  { heading: 'key', text: ({ key }) => key },
  { heading: 'value', text: ({ value }) => value },
]

function rowsOf(all: readonly ConfigRow[], section: string): readonly ConfigRow[] {
  const rows = all.filter((row) => row.section === section)
  if (rows.length > 0) return rows
  throw unknown(`section "${section}"`, nearestName(section, [...new Set(all.map((row) => row.section))]))
}

function unknown(what: string, nearest: string | null): CliError {
  return new CliError(EXIT_CODES.notFound, `There is no ${what}. Did you mean "${nearest ?? ''}"?`)
}
