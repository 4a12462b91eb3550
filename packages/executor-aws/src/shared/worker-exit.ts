import type { WorkloadExit } from '@fairlead/protocol'

/** Exit codes of `fairlead-worker` that say that nothing of the user's ran. */
const NEVER_STARTED: Readonly<Record<number, string>> = {
  64: 'The worker was refused: its ticket is superseded or used, or its version does not fit.',
  65: 'The worker could not reach the Task Execution API. Check the network, and "apiUrl" in the settings of the executor.',
}

const SIGNALS: Readonly<Record<number, string>> = {
  2: 'SIGINT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
}
const CRASHES = new Set(['SIGILL', 'SIGBUS', 'SIGFPE', 'SIGSEGV'])

/** How a worker ended, by the exit code of its container. A container shows a death by signal as 128 and its number. */
export function exitOfWorker(exitCode: number): WorkloadExit {
  const detail = NEVER_STARTED[exitCode]
  if (detail !== undefined) return { kind: 'neverStarted', detail }
  const signal = SIGNALS[exitCode - 128]
  if (signal === undefined) return { kind: 'exited', exitCode }
  if (signal === 'SIGABRT') return { kind: 'signaled', signal, cause: 'v8_abort' }
  return { kind: 'signaled', signal, cause: CRASHES.has(signal) ? 'crashed' : 'killed_externally' }
}
