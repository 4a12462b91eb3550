import { readFileSync } from 'node:fs'

/** The version of this package. It lies one folder above both `src/cli` bundled into `dist` and `dist/chunks`. */
export function installedVersion(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (name === 'fairlead' && version !== undefined) return version
    } catch {
      // Not at this depth: the other one.
    }
  }
  return '0.0.0'
}
