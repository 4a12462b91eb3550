import type { Executor } from './executor.ts'

/**
 * A group of commands that an executor class adds to the command line: `fairlead NAME COMMAND`. It is looked up only for
 * help and for words that are no commands of Fairlead's own; a class that cannot be loaded costs its own group alone.
 */
export interface ExecutorCommandGroup {
  /** First word after `fairlead`. One that is taken is refused, by the name of who has it. */
  readonly name: string
  readonly description: string
  readonly commands: readonly ExecutorCommand[]
}

/** One command of a group. */
export interface ExecutorCommand {
  readonly name: string
  readonly description: string
  /** Positional arguments in order, as help writes them: `<job-id>` or `[job-id]`. */
  readonly arguments?: readonly string[]
  /** Options as help writes them, with what they mean: `{ '--all': 'also those that ended' }`. */
  readonly options?: Readonly<Record<string, string>>
  /** Does it, and answers the exit code. A throw ends the command with its message and exit code 1. */
  run(call: ExecutorCommandCall): Promise<number>
}

/** A command as it was typed. */
export interface ExecutorCommandCall {
  /** An instance that is never started, made of the configured settings; `--executor` chooses among several. */
  readonly executor: Executor
  readonly arguments: readonly string[]
  /** By the option's long name in camelCase; true for one that takes no value. */
  readonly options: Readonly<Record<string, string | boolean>>
  /** Writes a result. */
  out(text: string): void
  /** Writes what is no result. */
  err(text: string): void
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal
}
