import type { Terminal } from './terminal.ts'

/** How results are written. */
export type OutputFormat = 'table' | 'json' | 'yaml'

/** Options that every command with a result has. */
export interface OutputOptions {
  readonly output: OutputFormat
}

/** A column of a table: its heading, and the text of a row in it. */
export interface Column<Row> {
  readonly heading: string
  text(row: Row): string | number | null | undefined
}

/** Writes a list: as a table for people, or whole for programs. */
export async function printList<Row>(
  terminal: Terminal,
  { output }: OutputOptions,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
): Promise<void> {
  if (output !== 'table') return printData(terminal, output, rows)
  if (rows.length === 0) return terminal.err('Nothing to list.\n')
  const { default: Table } = await import('cli-table3')
  const table = new Table({
    head: columns.map(({ heading }) => heading),
    chars: PLAIN,
    style: { head: terminal.isInteractive ? ['bold'] : [], border: [], 'padding-left': 0 },
  })
  for (const row of rows) table.push(columns.map((column) => String(column.text(row) ?? '')))
  terminal.out(`${table.toString().replace(/ +$/gm, '')}\n`)
}

/** Writes one thing: its fields as a table for people, or whole for programs. */
export async function printOne(
  terminal: Terminal,
  { output }: OutputOptions,
  thing: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (output !== 'table') return printData(terminal, output, thing)
  const width = Math.max(...Object.keys(thing).map((key) => key.length))
  for (const [key, value] of Object.entries(thing)) terminal.out(`${key.padEnd(width)}  ${textOf(value)}\n`)
}

/** Writes data whole, for programs. */
export async function printData(terminal: Terminal, output: 'json' | 'yaml', data: unknown): Promise<void> {
  if (output === 'json') return terminal.out(`${JSON.stringify(data, null, 2)}\n`)
  const { yamlText } = await import('./yaml-text.ts')
  terminal.out(yamlText(data))
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}
