import type { RunContext } from '@fairlead/protocol'
import type { TaskSession } from './execution-api-client.ts'
import type { TaskOutcome } from './ipc.ts'
import type { SupervisedProcess } from './supervised-process.ts'
import type { Evidence, Verdict } from './verdict.ts'

/** A task's program in a process: a handler in Node, or a shell command. The supervisor tells them apart nowhere else. */
export interface TaskProgramRun {
  readonly process: SupervisedProcess
  /** Lets user code begin. */
  begin(start: ProgramStart): void
  /** Resolves when all output is in the log; pipes that somebody outside the group holds open in silence are let go. */
  outputEnd(silenceMs: number): Promise<void>
  stderrTail(): string
  judge(evidence: Evidence): Verdict
  /** Removes what was made for this run. */
  dispose(): Promise<void>
}

/** What a program learns when it may begin. */
export interface ProgramStart {
  readonly context: RunContext
  readonly session: TaskSession
  /** How long a call of the task may wait for a server that does not answer. */
  readonly apiBudgetMs: number
  readonly signal: AbortSignal
  onOutcome(outcome: TaskOutcome): void
}
