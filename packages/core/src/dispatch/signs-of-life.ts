import type { DispatchRow } from '../db/queries/dispatches.ts'
import type { MoveContext } from '../moves/move-context.ts'

/** How much a scheduler can know of processes that its executors do not. */
export interface SignsOfLife {
  /** A process that has said within this long that it lives is not lost, whatever an executor knows of it. */
  readonly withinMs: number
  /** True while no sign of life can be expected: the database was away, or is looked at for the first time. */
  readonly areHidden: boolean
}

/**
 * True for an attempt that an executor here does not know, and that may run under the same executor of another machine.
 * The owner of an embedded database is alone with its machine: what it does not find is nowhere.
 */
export function mayLiveElsewhere(
  row: DispatchRow,
  { database, environment }: MoveContext,
  signs: SignsOfLife,
): boolean {
  if (database.isExclusive || row.is_current === 0 || row.state !== 'running') return false
  return signs.areHidden || (row.heartbeat_at ?? 0) > environment.clock.now() - signs.withinMs
}
