import { WORKER_EXIT_CODES, type TaskStateReport, type WorkloadExit } from '@fairlead/protocol'
import type { SettleResult } from '../settle-task.ts'

/** How a workload that was fetched by reference ended. */
export type RemoteEnd =
  /** User code may have run. */
  | {
      readonly kind: 'ended'
      readonly exit: WorkloadExit
      /** What the server was to be told, or null where it knows better or nobody can say. */
      readonly state: TaskStateReport['state'] | null
      /** What came of telling it; null where there was nothing to tell. */
      readonly report: SettleResult | null
      /** False when the log could not be sent; the worker's own output has it. */
      readonly isLogSent: boolean
    }
  /** Nothing of the user's ran, and repeating it with this ticket would change nothing. */
  | {
      readonly kind: 'neverStarted'
      readonly detail: string
      /** Why the API refused the launch, where it did: `ticket_used` says that another worker has the task. */
      readonly refusal?: string
    }
  /** Nothing of the user's ran, since the API could not be reached. */
  | { readonly kind: 'unreachable'; readonly detail: string }

/** The exit code by which a worker's process says how its workload ended. */
export function exitCodeOf(end: RemoteEnd): number {
  return WORKER_EXIT_CODES[end.kind === 'ended' ? wordFor(end) : end.kind]
}

function wordFor({ exit, state, report }: Extract<RemoteEnd, { kind: 'ended' }>): keyof typeof WORKER_EXIT_CODES {
  if (report?.kind === 'untold') return 'untold'
  if (STOPPED.has(exit.kind)) return 'stopped'
  // Without a state the supervisor itself has failed: nobody was told anything.
  if (state === null) return 'untold'
  return state === 'success' || state === 'skipped' ? 'succeeded' : 'failed'
}

const STOPPED: ReadonlySet<WorkloadExit['kind']> = new Set(['shutdown', 'cancelled', 'superseded'])
