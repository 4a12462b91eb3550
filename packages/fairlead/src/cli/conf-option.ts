import { CliError, EXIT_CODES } from './cli-error.ts'

/** The JSON object of an option, or none when it is not given. */
export function objectOption(name: string, text: string | undefined): Record<string, never> {
  if (text === undefined) return {}
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, never>
  } catch {
    // Told below, like any other value that is no object.
  }
  throw new CliError(
    EXIT_CODES.usage,
    `--${name} must be a JSON object such as '{"day": 3}', and is ${JSON.stringify(text)}.`,
  )
}
