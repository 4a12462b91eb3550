import type { StandardSchema } from '@fairlead/executor'

/** A schema of an object that has these keys, or some of them; null for any keys. */
export function knownKeys(keys: readonly string[] | null): StandardSchema {
  return {
    '~standard': {
      version: 1,
      vendor: 'fairlead-testkit',
      validate(value) {
        const unknown = Object.keys(value as object).filter((key) => keys !== null && !keys.includes(key))
        if (unknown.length === 0) return { value }
        return { issues: unknown.map((key) => ({ message: `Unknown key "${key}".`, path: [key] })) }
      },
    },
  }
}
