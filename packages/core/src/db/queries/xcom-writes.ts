import type { Tx } from '../database.ts'

/** Where an XCom is. */
export interface XComKey {
  readonly runKey: number
  readonly taskId: string
  readonly mapIndex: number
  readonly key: string
}

/** Writes a value, over an older one of that key. */
export async function upsertXCom(
  { query }: Tx,
  { runKey, taskId, mapIndex, key }: XComKey,
  value: string,
  now: number,
): Promise<void> {
  await query
    .insertInto('xcom')
    .values({ run_key: runKey, task_id: taskId, map_index: mapIndex, key, value, created_at: now })
    .onConflict((conflict) =>
      conflict.columns(['run_key', 'task_id', 'map_index', 'key']).doUpdateSet({ value, created_at: now }),
    )
    .execute()
}

/** Removes a value; quietly when there is none. */
export async function deleteXCom({ query }: Tx, { runKey, taskId, mapIndex, key }: XComKey): Promise<void> {
  await query
    .deleteFrom('xcom')
    .where('run_key', '=', runKey)
    .where('task_id', '=', taskId)
    .where('map_index', '=', mapIndex)
    .where('key', '=', key)
    .execute()
}

/** The attempt that a worker speaks for, if it is a live row. */
export function findAttempt({ query }: Tx, id: string) {
  return query
    .selectFrom('task_instance')
    .select(['run_key', 'dag_id', 'run_id', 'task_id', 'map_index', 'state', 'dispatch_id'])
    .where('id', '=', id)
    .executeTakeFirst()
}
