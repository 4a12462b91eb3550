import type { WorkloadExit } from '@fairlead/protocol'
import type { InspectedContainer } from './engine.js'

/** How an ended container ended, in Fairlead's words. The worker's verdict, where it left one, says it best. */
export function exitOfContainer(
  { OOMKilled, ExitCode, Error: problem }: InspectedContainer['State'],
  verdict: WorkloadExit | null,
): WorkloadExit {
  if (verdict !== null) return verdict
  if (OOMKilled) return { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' }
  if (problem !== '') return { kind: 'neverStarted', detail: problem }
  if (ExitCode === 0) return { kind: 'lost', detail: 'the container ended in order, and its worker left no verdict' }
  const signal = SIGNALS[ExitCode - 128]
  if (signal === undefined) return { kind: 'exited', exitCode: ExitCode }
  return { kind: 'signaled', signal, cause: signal === 'SIGSEGV' ? 'crashed' : 'killed_externally' }
}

/** A shell and the engine show a death by signal as 128 and its number. */
const SIGNALS: Readonly<Record<number, string>> = {
  2: 'SIGINT',
  6: 'SIGABRT',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
}
