import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

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

const deleteOf = statement(
  ({ rows }) => `
  delete from xcom where (run_key, task_id, map_index) in (
    select in_run_key, in_task_id, in_map_index
    from ${rows(1, { in_run_key: 'int', in_task_id: 'text', in_map_index: 'int' })} as d)`,
)

/** Removes every value of these task instances. */
export async function clearXComs(
  tx: Tx,
  of: ReadonlyArray<{ readonly run_key: number; readonly task_id: string; readonly map_index: number }>,
): Promise<void> {
  if (of.length === 0) return
  await tx.all(deleteOf, [JSON.stringify(of.map((row) => [row.run_key, row.task_id, row.map_index]))])
}

/** The attempt that a worker speaks for, if it is a live row. */
export function findAttempt({ query }: Tx, id: string) {
  return query
    .selectFrom('task_instance')
    .select(['run_key', 'dag_id', 'run_id', 'task_id', 'map_index', 'state', 'dispatch_id'])
    .where('id', '=', id)
    .executeTakeFirst()
}
