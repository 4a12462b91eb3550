import { TERMINAL_TASK_INSTANCE_STATES } from '@fairlead/protocol'
import type { Kysely } from 'kysely'
import type { Schema } from '../schema.ts'

/** The task instances of a run that have ended, the last ones of them in the order of their end. */
export async function listFinishedTasks(db: Kysely<Schema>, runKey: number, limit: number) {
  const rows = await db
    .selectFrom('task_instance')
    .select(['task_id', 'map_index', 'state', 'started_at', 'ended_at'])
    .where('run_key', '=', runKey)
    .where('state', 'in', TERMINAL_TASK_INSTANCE_STATES)
    .orderBy('ended_at', 'desc')
    .limit(limit)
    .execute()
  return rows.toReversed()
}
