import { AuthorError } from './errors.ts'

/** Longest id in UTF-16 code units; equals the protocol's MAX_ID_LENGTH, which lives beside its zod schemas. */
export const MAX_ID_LENGTH = 250

const ALLOWED = /^[\p{L}\p{N}\p{M}_.-]+$/u

/** Refuses an id that could not be a Dag's or a task's: wrong characters, empty or too long. */
export function checkId(kind: 'Dag' | 'Task', id: unknown, location: string | null): asserts id is string {
  const problem = problemOf(id)
  if (problem === null) return
  const code = kind === 'Dag' ? 'DAG_ID_INVALID' : 'TASK_ID_INVALID'
  throw new AuthorError(code, `${kind} id ${shown(id)} ${problem}`, location)
}

function problemOf(id: unknown): string | null {
  if (typeof id !== 'string') return 'is not a string.'
  if (id === '') return 'is empty. Give it at least one character.'
  if (id.length > MAX_ID_LENGTH) {
    return `has ${id.length} characters. Shorten it to at most ${MAX_ID_LENGTH}.`
  }
  if (ALLOWED.test(id) && id !== '.' && id !== '..') return null
  return 'may only contain letters and digits of any script, dashes, dots and underscores.'
}

function shown(id: unknown): string {
  const text = JSON.stringify(id) ?? String(id)
  return text.length > 80 ? `${text.slice(0, 77)}…"` : text
}
