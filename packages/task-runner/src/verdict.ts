import type { TaskError, WorkloadExit } from '@fairlead/protocol'
import type { TaskOutcome } from './ipc.ts'
import type { ProcessEnd } from './supervised-process.ts'

/** Why we ended a process ourselves. */
export type Death = Extract<
  WorkloadExit,
  { kind: 'timedOut' | 'cancelled' | 'shutdown' | 'superseded' | 'neverStarted' }
>

/** What is told to the server about a task, or nothing when the server knows better. */
export type Verdict = {
  exit: WorkloadExit
  report: {
    state: 'success' | 'skipped' | 'failed' | 'up_for_retry'
    error: TaskError | null
    returnJson: string | null
  } | null
}

/** All that is known of an ended process. */
export interface Evidence {
  /** The first reason for which we ended it, or null. */
  readonly death: Death | null
  /** What the task said, before any such reason. */
  readonly outcome: TaskOutcome | null
  readonly end: ProcessEnd
  /** The last of what it wrote to standard error. */
  readonly stderrTail: string
  /** Looks for a kernel out-of-memory kill; asked only when it matters. */
  readonly wasOomKilled: () => boolean
  /** Whether the author's retries and rules allow another try. */
  readonly mayRetry: boolean
}

/** What the task said about itself outranks how its process died; our first reason to end it outranks both. */
export function judgeHandler(evidence: Evidence): Verdict {
  const { death, outcome, end, mayRetry } = evidence
  if (death !== null) return judgeDeath(death, mayRetry)
  if (outcome !== null) return judgeOutcome(outcome, mayRetry)
  const exit = exitOf(evidence)
  if (end.kind === 'exited' && exit.kind === 'exited') {
    const message = `The task's process ended with exit code ${end.exitCode} before its handler returned (process.exit?).`
    return failed(exit, { name: 'ProcessExited', message, stack: null }, mayRetry)
  }
  return failed(exit, errorOfExit(exit, evidence.stderrTail), mayRetry)
}

/** A shell task says by its exit code what came of it. */
export function judgeShell(evidence: Evidence, skipOnExitCode: number | null, lastLine: string | null): Verdict {
  const { death, end, mayRetry } = evidence
  if (death !== null) return judgeDeath(death, mayRetry)
  const exit = exitOf(evidence)
  if (end.kind === 'exited' && exit.kind === 'exited') {
    if (end.exitCode === 0) return succeeded(lastLine === null ? null : JSON.stringify(lastLine))
    if (end.exitCode === skipOnExitCode) return { exit, report: { state: 'skipped', error: null, returnJson: null } }
    const message = `The command ended with exit code ${end.exitCode}.`
    return failed(exit, { name: 'NonZeroExit', message, stack: null }, mayRetry)
  }
  return failed(exit, errorOfExit(exit, evidence.stderrTail), mayRetry)
}

/** What a task said about itself, as a verdict. */
export function judgeOutcome(outcome: TaskOutcome, mayRetry: boolean): Verdict {
  switch (outcome.kind) {
    case 'success':
      return succeeded(outcome.returnJson)
    case 'skipped':
      return { exit: { kind: 'exited', exitCode: 0 }, report: { state: 'skipped', error: null, returnJson: null } }
    case 'failed':
      return failed({ kind: 'exited', exitCode: 1 }, outcome.error, mayRetry && outcome.isRetryable)
  }
}

function judgeDeath(death: Death, mayRetry: boolean): Verdict {
  if (death.kind !== 'timedOut') return { exit: death, report: null }
  const message = `The task ran longer than its execution timeout of ${death.timeoutMs} ms and was ended.`
  return failed(death, { name: 'TaskTimedOut', message, stack: null }, mayRetry)
}

/** The same verdict, told to the server also where it is that the worker was stopped. */
export function withStopTold(verdict: Verdict, mayRetry: boolean): Verdict {
  const { exit } = verdict
  if (verdict.report !== null || exit.kind !== 'shutdown') return verdict
  const message = `The task was ended: ${exit.detail}.`
  return failed(exit, { name: 'WorkerStopped', message, stack: null }, mayRetry)
}

function succeeded(returnJson: string | null): Verdict {
  return { exit: { kind: 'exited', exitCode: 0 }, report: { state: 'success', error: null, returnJson } }
}

function failed(exit: WorkloadExit, error: TaskError, mayRetry: boolean): Verdict {
  return { exit, report: { state: mayRetry ? 'up_for_retry' : 'failed', error, returnJson: null } }
}

function exitOf(evidence: Evidence): WorkloadExit {
  const { end } = evidence
  // A shell passes on the death of its command as 128 + signal.
  const signal = end.kind === 'signaled' ? end.signal : (SIGNAL_BY_EXIT_CODE.get(end.exitCode) ?? null)
  const cause = signal === null ? null : provenCause(signal, evidence)
  if (signal !== null && cause !== null) return { kind: 'signaled', signal, cause }
  if (end.kind === 'exited') return { kind: 'exited', exitCode: end.exitCode }
  return {
    kind: 'signaled',
    signal: end.signal,
    cause: CRASH_SIGNALS.has(end.signal) ? 'crashed' : 'killed_externally',
  }
}

/** A cause for which there is more than the signal alone, or null. */
function provenCause(
  signal: string,
  { stderrTail, wasOomKilled }: Evidence,
): 'v8_abort' | 'out_of_memory_killed' | null {
  if (CRASH_SIGNALS.has(signal) && V8_FATAL.test(stderrTail)) return 'v8_abort'
  return signal === 'SIGKILL' && wasOomKilled() ? 'out_of_memory_killed' : null
}

const CRASH_SIGNALS: ReadonlySet<string> = new Set([
  'SIGABRT',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGTRAP',
  'SIGSYS',
])
const SIGNAL_BY_EXIT_CODE: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [132, 'SIGILL'],
  [133, 'SIGTRAP'],
  [134, 'SIGABRT'],
  [137, 'SIGKILL'],
])
const V8_FATAL = /^(FATAL ERROR: |# Fatal (error|JavaScript))|JavaScript heap out of memory/m

function errorOfExit(exit: WorkloadExit, stderrTail: string): TaskError {
  const message = exit.kind === 'signaled' ? MESSAGES[exit.cause](exit.signal) : 'The task ended without an outcome.'
  const stack = stderrTail.trim() === '' ? null : stderrTail
  return { name: exit.kind === 'signaled' ? NAMES[exit.cause] : 'ProcessExited', message, stack }
}

type SignalCause = Extract<WorkloadExit, { kind: 'signaled' }>['cause']

const NAMES: Record<SignalCause, string> = {
  v8_abort: 'V8Abort',
  out_of_memory_killed: 'OutOfMemoryKilled',
  killed_externally: 'KilledExternally',
  crashed: 'ProcessCrashed',
}

const MESSAGES: Record<SignalCause, (signal: string) => string> = {
  v8_abort: () =>
    'V8 aborted the task, most often because its heap was full. Use less memory, or raise --max-old-space-size.',
  out_of_memory_killed: () =>
    'The kernel killed the task because memory ran out on the machine or in its control group.',
  killed_externally: (signal) => `Something outside Fairlead ended the task with ${signal}.`,
  crashed: (signal) => `The task's process crashed with ${signal}, most often in native code.`,
}
