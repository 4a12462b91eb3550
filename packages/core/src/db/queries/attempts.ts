import type { TaskInstanceState } from '@fairlead/protocol'
import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'

/** One try of a task instance, whether it is the current one or has ended. */
export interface AttemptRow {
  readonly id: string
  readonly run_key: number
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly map_index: number
  readonly try_number: number
  readonly state: TaskInstanceState
  readonly executor: string
  readonly dispatch_id: string | null
  readonly ended_at: number | null
  readonly hostname: string | null
  readonly pid: number | null
  /** True for a try that a later one has followed. */
  readonly isArchived: boolean
}

const COLUMNS = [
  'id',
  'run_key',
  'dag_id',
  'run_id',
  'task_id',
  'map_index',
  'try_number',
  'state',
  'executor',
  'dispatch_id',
  'ended_at',
  'hostname',
  'pid',
] as const

/** The try of this id, or undefined when there never was one. */
export async function findTry(db: Kysely<Schema>, id: string): Promise<AttemptRow | undefined> {
  const live = await db.selectFrom('task_instance').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  if (live !== undefined) return { ...live, isArchived: false }
  const ended = await db.selectFrom('task_instance_history').select(COLUMNS).where('id', '=', id).executeTakeFirst()
  return ended === undefined ? undefined : { ...ended, isArchived: true }
}

/** Hash of the Dag version that a run is pinned to. */
export async function findBundleHashOfRun(db: Kysely<Schema>, runKey: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('dag_run')
    .innerJoin('dag_version', 'dag_version.id', 'dag_run.version_id')
    .select('dag_version.hash')
    .where('dag_run.run_key', '=', runKey)
    .executeTakeFirst()
  return row?.hash
}
