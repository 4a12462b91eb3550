import { sections, type Config, type Origin } from './load.ts'
import { snakeCase } from './names.ts'

/** One value as commands and the API show it. */
export interface ConfigRow {
  readonly section: string
  readonly key: string
  readonly value: string
  readonly origin: string
}

/** Every value of a configuration, secrets hidden, in the order of the reference page. */
export function listConfig(config: Config): readonly ConfigRow[] {
  return sections().flatMap(([section, keys]) =>
    Object.entries(keys).map(([name, key]) => {
      const value = (config as unknown as Record<string, Record<string, unknown>>)[section]?.[name]
      const isHidden = key.isSensitive && value !== key.fallback
      const fullName = `${snakeCase(section)}.${snakeCase(name)}`
      return {
        section: snakeCase(section),
        key: snakeCase(name),
        value: isHidden ? '< hidden >' : textOf(value),
        origin: originText(config.origins[fullName]),
      }
    }),
  )
}

/** Every value of the schema is text, a number or a truth value, or null. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function originText(origin: Origin | undefined): string {
  switch (origin?.kind) {
    case undefined:
    case 'default':
      return 'default'
    case 'file':
      return origin.path
    case 'environment':
      return `environment ${origin.variable}`
    default:
      return origin satisfies never
  }
}
