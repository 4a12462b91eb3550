import type { DagRunState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** A run whose row this transaction holds. */
export interface LockedRun {
  readonly run_key: number
  readonly dag_id: string
  readonly run_id: string
  readonly version_id: string
  readonly state: DagRunState
  readonly unfinished: number
  readonly active: number
  readonly waiting: number
  readonly failed_leaves: number
  readonly max_active_tasks: number
  readonly is_windowed: number
  readonly rewrites: number
  readonly is_paused: number
}

const COLUMNS = `r.run_key, r.dag_id, r.run_id, r.version_id, r.state, r.unfinished, r.active, r.waiting,
    r.failed_leaves, r.max_active_tasks, r.is_windowed, r.rewrites, d.is_paused`

const byTaskInstance = statement(
  ({ rows, forUpdate }) => `
  select ${COLUMNS} from dag_run r join dag d on d.dag_id = r.dag_id
  where r.run_key in (
    select ti.run_key from ${rows(1, { in_id: 'text' })} as w join task_instance ti on ti.id = w.in_id
  )
  order by r.run_key ${forUpdate('r')}`,
)

const byKey = statement(
  ({ rows, forUpdate }) => `
  select ${COLUMNS} from dag_run r join dag d on d.dag_id = r.dag_id
  where r.run_key in (select in_run_key from ${rows(1, { in_run_key: 'int' })} as w)
  order by r.run_key ${forUpdate('r')}`,
)

/** Locks the runs of task instances, in one order everywhere, so that no two transactions wait for each other. */
export function lockRunsOfTaskInstances(tx: Tx, ids: readonly string[]): Promise<LockedRun[]> {
  return tx.all<LockedRun>(byTaskInstance, [JSON.stringify(ids.map((id) => [id]))])
}

/** Locks runs by key, in the same order. */
export function lockRuns(tx: Tx, runKeys: readonly number[]): Promise<LockedRun[]> {
  return tx.all<LockedRun>(byKey, [JSON.stringify(runKeys.map((key) => [key]))])
}
