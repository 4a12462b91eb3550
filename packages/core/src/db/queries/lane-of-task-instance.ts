import type { Tx } from '../database.ts'
import type { TaskAddress } from './move-task-instances.ts'

/** The lane of one task instance, for who asks for it by hand. */

/** A task instance and the lane it waits in, or would. */
export interface LaneRow {
  readonly id: string
  readonly lane: string
}

/** Reads the lane at an address, under the lock of its run. */
export function readLane({ query }: Tx, { runKey, taskIndex, mapIndex }: TaskAddress): Promise<LaneRow> {
  return query
    .selectFrom('task_instance')
    .select(['id', 'lane'])
    .where('run_key', '=', runKey)
    .where('task_index', '=', taskIndex)
    .where('map_index', '=', mapIndex)
    .executeTakeFirstOrThrow()
}

/** Puts a scheduled task instance in another lane. */
export async function writeLane({ query }: Tx, row: LaneRow, to: { lane: string; executor: string }): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('task_instance')
    .set(to)
    .where('id', '=', row.id)
    .where('lane', '=', row.lane)
    .where('state', '=', 'scheduled')
    .executeTakeFirst()
  if (numUpdatedRows !== 1n) throw new Error('A task instance changed state without the lock of its run.')
}
