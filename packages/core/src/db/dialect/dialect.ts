import type { Dialect as KyselyDialect } from 'kysely'

/**
 * What differs between the engines: statements are written once, over these fragments, and one contract test runs
 * them on both.
 */

/** Column types of rows that are handed to a statement as one JSON parameter. */
export type RowColumns = Readonly<Record<string, 'text' | 'int' | 'json'>>

/** What transactions of several schedulers do one after the other. */
export type Turn = 'claim' | 'start'

/** SQL text that differs between engines. */
export interface SqlFragments {
  readonly name: 'sqlite' | 'postgres'
  /** Type of a 64-bit integer column. */
  readonly bigint: string
  /** Definition of a self-numbering primary key column. */
  readonly identity: string
  /** A statement after which, until the transaction ends, no other process passes the same statement. */
  readonly oneAtATime: string
  /** Ends the definition of a table whose rows are updated often: leaves room for their next versions beside them. */
  readonly updatedInPlace: string
  /** A derived table over parameter `$n`, a JSON array of arrays, with the given columns. Alias it `as d`. */
  rows(parameter: number, columns: RowColumns): string
  /** Locks the rows of a table, by its alias, until the transaction ends. */
  forUpdate(alias: string): string
  /** The same, passing over rows that another transaction holds. */
  skipLocked(alias: string): string
  /** An expression that waits until no other transaction has the turn, and keeps it until this one ends. */
  takeTurn(turn: Turn): string
}

/** A statement of fixed text, written once over the fragments in which the engines differ. */
export interface Statement {
  textFor(fragments: SqlFragments): string
}

/** Runs a fixed statement in the open transaction. */
export type RunStatement = <R>(statement: Statement, parameters?: readonly unknown[]) => Promise<R[]>

/** How many of a run's scheduled task instances may be admissible in each of their lanes. */
export interface Window {
  readonly runKey: number
  readonly places: number
}

/** A task instance inside its run's window. */
export interface WindowRow {
  readonly id: string
  readonly run_key: number
  readonly is_admissible: number
}

/** Who wants to hear what other processes announce. */
export interface AnnouncementListener {
  /** There may be something to do, or there was while nobody could be heard. */
  onNews(): void
  /** Nothing is heard for now; it is tried again. */
  onProblem(error: Error): void
}

/** An opened engine. */
export interface Engine {
  readonly fragments: SqlFragments
  /** The first task instances of each window and lane, in admission order; reads few more rows than it answers. */
  windowOf(run: RunStatement, windows: readonly Window[]): Promise<readonly WindowRow[]>
  /** For writing; transactions are serialised by the engine. */
  readonly dialect: KyselyDialect
  /** For reading beside a writer. */
  readonly readDialect: KyselyDialect
  /** Has the open transaction say at its commit, to other processes, that there may be something to do. */
  announce(run: (text: string) => Promise<unknown>): Promise<void>
  /** Hears what other processes announce, until the signal aborts. Never rejects. */
  listen(listener: AnnouncementListener, signal: AbortSignal): Promise<void>
  /** True for the error of a transaction that lost against another one, left no trace, and may be run again. */
  isVictim(error: unknown): boolean
  /** True when this process is the only one that can have the database open. */
  readonly isExclusive: boolean
  readonly location: string
  close(): Promise<void>
}
