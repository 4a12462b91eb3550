/** The one place of core that reads the process environment. */
export function processEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env
}
