import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'

/** A process that is not known to be gone. */
export interface LiveProcess {
  readonly dispatch_id: string
  readonly run_id: string
  readonly task_id: string
  readonly map_index: number
  readonly executor: string
  readonly stop_requested_at: number | null
  readonly stop_reason: string | null
}

/** Every process of a run, or of all runs of a Dag, that is not known to be gone. */
export function readLiveProcesses(
  db: Kysely<Schema>,
  { dagId, runId }: { readonly dagId: string; readonly runId: string | null },
): Promise<LiveProcess[]> {
  let query = db
    .selectFrom('dispatch as p')
    .innerJoin('task_instance as ti', (join) =>
      join
        .onRef('ti.run_key', '=', 'p.run_key')
        .onRef('ti.task_index', '=', 'p.task_index')
        .onRef('ti.map_index', '=', 'p.map_index'),
    )
    .where('ti.dag_id', '=', dagId)
  if (runId !== null) query = query.where('ti.run_id', '=', runId)
  return query
    .select([
      'p.dispatch_id',
      'ti.run_id',
      'ti.task_id',
      'ti.map_index',
      'p.executor',
      'p.stop_requested_at',
      'p.stop_reason',
    ])
    .orderBy('p.dispatch_id')
    .execute()
}
