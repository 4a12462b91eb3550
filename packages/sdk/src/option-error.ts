import { AuthorError } from './errors.ts'

/** Whose option is wrong: `task "load" in Dag "sales"`. */
export interface OptionOwner {
  readonly code: 'DAG_OPTION_INVALID' | 'TASK_OPTION_INVALID'
  readonly name: string
  readonly location: string | null
}

/** The error for an option out of range; `wanted` completes "Give it …". */
export function optionError(owner: OptionOwner, option: string, value: unknown, wanted: string): AuthorError {
  const message = `Option "${option}" of ${owner.name} is ${shown(value)}. Give it ${wanted}.`
  return new AuthorError(owner.code, message, owner.location)
}

/** Refuses an option that nobody knows: Dag files are not type-checked when they are loaded. */
export function checkOptionNames(owner: OptionOwner, options: object, known: Readonly<Record<string, true>>): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return
  const message = `${capitalised(owner.name)} has no option "${unknown}". It has ${Object.keys(known).join(', ')}.`
  throw new AuthorError(owner.code, message, owner.location)
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return JSON.stringify(value) ?? `a ${typeof value}`
}
