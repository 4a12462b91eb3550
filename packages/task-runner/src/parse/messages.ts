import type { DagSpec } from '@fairlead/protocol'

/** What the Dag processor and a parse child say to each other over IPC. The processor checks what it receives. */
export interface ParseRequest {
  readonly id: number
  /** The compiled Dag file. */
  readonly bundlePath: string
  /** Path of the Dag file in the Dags folder, for messages. */
  readonly file: string
  readonly dagsFolder: string
  readonly timeoutMs: number
}

/** Why a Dag file could not be read. Positions are the author's. */
export interface ParseError {
  readonly kind: 'threw' | 'author' | 'timeout' | 'exited'
  /** Code of the error where it has one. */
  readonly code: string | null
  readonly message: string
  readonly file: string | null
  readonly line: number | null
  readonly column: number | null
  readonly stack: string | null
}

/** An answer of the parse child. After `isFinal` the child ends, because the author's code has left it unusable. */
export type ParseReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'parsed'; readonly id: number; readonly dags: DagSpec[] }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ParseError; readonly isFinal: boolean }

/** File descriptor on which the watchdog thread reports: IPC belongs to the main thread, which is stuck. */
export const WATCHDOG_FD = 4
