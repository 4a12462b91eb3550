/** One JSON log line as a line for people. A line that is no JSON passes unchanged. */
export function prettyLine(line: string): string {
  const entry = parseEntry(line)
  if (entry === null) return line
  const { timestamp, level, event, ...fields } = entry
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${factText(value)}`)
  const time = wordOf(timestamp).slice(11, 23)
  return `${[time, wordOf(level).padEnd(5), wordOf(event), ...facts].join(' ').trimEnd()}${stackOf(fields)}\n`
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseEntry(line: string): Record<string, unknown> | null {
  try {
    const entry: unknown = JSON.parse(line)
    return typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : null
  } catch {
    // Not one of ours; the caller shows it as it is.
    return null
  }
}

function factText(value: unknown): string {
  if (isError(value)) return JSON.stringify(value.message)
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)
}

function stackOf(fields: Record<string, unknown>): string {
  return Object.values(fields)
    .filter(isError)
    .map(({ stack }) => `\n${stack}`)
    .join('')
}

function isError(value: unknown): value is { message: string; stack: string } {
  return typeof value === 'object' && value !== null && 'stack' in value && 'message' in value
}
