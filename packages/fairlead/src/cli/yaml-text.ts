import { stringify } from 'yaml'

/** A value as YAML. A file of its own, since the library is CommonJS and only wanted now and then. */
export function yamlText(data: unknown): string {
  return stringify(data)
}
