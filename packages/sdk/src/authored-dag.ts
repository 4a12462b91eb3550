import type { DagSpec } from '@fairlead/protocol'
import type { Handler, Literals } from './options.ts'
import { DAG_BRAND } from './symbols.ts'

/** A Dag as whoever parses or runs it sees it; found under the brand, so it works across copies of the SDK. */
export interface AuthoredDag {
  readonly dagId: string
  /** The Dag as data; throws an AuthorError for a mistake that only the whole graph shows. */
  toSpec(): DagSpec
  /** The handler of a task, or null for a shell task or an unknown id. */
  handlerOf(taskId: string): Handler<never, unknown> | null
  /** The task's own rule for which errors may be retried, or null for all. */
  retryWhen(taskId: string): ((error: unknown) => boolean) | null
  /** Arguments that were given as values where the task was placed. */
  literalsOf(taskId: string): Literals
}

/** The Dag behind a value of any copy of the SDK, or null when it is none. */
export function authoredDag(value: unknown): AuthoredDag | null {
  if (typeof value !== 'object' || value === null || !(DAG_BRAND in value)) return null
  return value[DAG_BRAND] as AuthoredDag
}
