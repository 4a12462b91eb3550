import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import type { CandidateRow } from './claims.ts'

/** What `explain` looks at; it changes nothing. */

/** The admissible task instances of a run: they come before whatever of it is held back. */
export function readAdmissibleOfRun({ query }: Tx, runKey: number): Promise<CandidateRow[]> {
  return query
    .selectFrom('task_instance')
    .select(CANDIDATE_COLUMNS)
    .where('run_key', '=', runKey)
    .where('state', '=', 'scheduled')
    .where('is_admissible', '=', 1)
    .$castTo<CandidateRow>()
    .execute()
}

/** One scheduled task instance as admission would see it, with its backoff. */
export interface AskedRow extends CandidateRow {
  readonly ready_at: number | null
}

/** Reads a task instance that is scheduled. */
export function readAsCandidate({ query }: Tx, id: string): Promise<AskedRow | undefined> {
  return query
    .selectFrom('task_instance')
    .select([...CANDIDATE_COLUMNS, 'ready_at'])
    .where('id', '=', id)
    .where('state', '=', 'scheduled')
    .$castTo<AskedRow>()
    .executeTakeFirst()
}

/** States of some tasks of a run, by task id. */
export async function readStates(
  { query }: Tx,
  runKey: number,
  taskIndexes: readonly number[],
): Promise<ReadonlyMap<string, TaskInstanceState>> {
  if (taskIndexes.length === 0) return new Map()
  const rows = await query
    .selectFrom('task_instance')
    .select(['task_id', 'state'])
    .where('run_key', '=', runKey)
    .where('task_index', 'in', [...taskIndexes])
    .orderBy('task_index')
    .execute()
  return new Map(rows.map(({ task_id, state }) => [task_id, state]))
}

/** What decides whether a queued run may start. */
export function readRunGates({ query }: Tx, runKey: number) {
  return query
    .selectFrom('dag_run')
    .innerJoin('dag', 'dag.dag_id', 'dag_run.dag_id')
    .select(['dag_run.state', 'dag_run.run_after', 'dag.is_paused', 'dag.max_active_runs', 'dag.running_runs'])
    .where('dag_run.run_key', '=', runKey)
    .executeTakeFirstOrThrow()
}

const CANDIDATE_COLUMNS = [
  'id',
  'run_key',
  'task_index',
  'map_index',
  'task_id',
  'lane',
  'pool',
  'pool_slots',
  'queue',
  'priority',
  'priority_weight',
  'order_date',
  'try_number',
  'launch_attempts',
  'scheduled_at',
] as const
