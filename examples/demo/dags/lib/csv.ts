/** The rows of a CSV file with a header and no quoted fields. */
export function parseCsv(text: string): Array<Record<string, string>> {
  const [header = '', ...lines] = text.trim().split('\n')
  const names = header.split(',')
  return lines.map((line) => {
    const fields = line.split(',')
    return Object.fromEntries(names.map((name, index) => [name, fields[index] ?? '']))
  })
}
