import type { Readable } from 'node:stream'

/** How a process ended, as the kernel says it. */
export type ProcessEnd = { kind: 'exited'; exitCode: number } | { kind: 'signaled'; signal: NodeJS.Signals }

/** A process that leads its own group. Its user code waits until it is released. */
export interface SupervisedProcess {
  readonly pid: number
  /** Found in the environment of everything that it starts. */
  readonly mark: string
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves when the leader of the group has ended; the pipes may still hold output. */
  readonly exited: Promise<ProcessEnd>
}

/** Node's two nullable answers as one. */
export function processEnd(exitCode: number | null, signal: NodeJS.Signals | null): ProcessEnd {
  return signal === null ? { kind: 'exited', exitCode: exitCode ?? 1 } : { kind: 'signaled', signal }
}
