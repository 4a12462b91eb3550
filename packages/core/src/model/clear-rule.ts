import type { TaskInstanceState } from '@fairlead/protocol'

/**
 * What clearing does to a task instance: Airflow's rule. It may be tried as often again as its task allows, try numbers
 * go on, and what an earlier try left is kept as history.
 */

/** A task instance that is cleared. */
export interface ClearedRow {
  readonly state: TaskInstanceState
  readonly tryNumber: number
  /** True while a process of it may live, other than one that waits to be let run. */
  readonly mayRun: boolean
}

/** What becomes of it. `archive`: its try is kept, as it ended or as superseded; null when there is none to keep. */
export type Clearing =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'cleared'
      readonly to: 'none' | 'restarting' | 'removed'
      readonly maxTries: number
      readonly archive: Archiving
    }

/** Clears one task instance whose task has `retries`. */
export function clearTaskInstance(row: ClearedRow, retries: number): Clearing {
  if (row.state === 'none' || row.state === 'restarting') return { kind: 'unchanged' }
  return {
    kind: 'cleared',
    to: row.mayRun ? 'restarting' : 'none',
    maxTries: row.tryNumber + 1 + retries,
    archive: archiveOf(row),
  }
}

/** Removes one whose task is gone. As long as a process of it may live it is restarting; then it ends as `removed`. */
export function removeTaskInstance(row: ClearedRow): Clearing {
  if (row.state === 'removed' || row.state === 'restarting') return { kind: 'unchanged' }
  return {
    kind: 'cleared',
    to: row.mayRun ? 'restarting' : 'removed',
    maxTries: row.tryNumber,
    archive: archiveOf(row),
  }
}

type Archiving = 'ended' | 'superseded' | null

function archiveOf({ state, tryNumber }: ClearedRow): Archiving {
  return tryNumber === 0 ? null : ARCHIVING[state]
}

/** Null where the try has not begun, or the one before it is in the history already. */
const ARCHIVING: Readonly<Record<TaskInstanceState, Archiving>> = {
  success: 'ended',
  failed: 'ended',
  skipped: 'ended',
  upstream_failed: 'ended',
  removed: 'ended',
  queued: 'superseded',
  running: 'superseded',
  deferred: 'superseded',
  none: null,
  scheduled: null,
  up_for_retry: null,
  up_for_reschedule: null,
  restarting: null,
}
