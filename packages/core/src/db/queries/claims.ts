import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Reading admission's candidates and claiming what it admits. What else it weighs is in `capacity-reads.ts`. */

/** A scheduled, admissible task instance. */
export interface CandidateRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly lane: string
  readonly pool: string
  readonly pool_slots: number
  readonly queue: string
  readonly priority: number
  readonly priority_weight: number
  readonly order_date: number
  readonly try_number: number
  readonly launch_attempts: number
  readonly scheduled_at: number
}

const COLUMNS = `id, run_key, task_index, map_index, task_id, lane, pool, pool_slots, queue, priority, priority_weight, order_date,
    try_number, launch_attempts, scheduled_at`

const candidates = statement(
  () => `
  select ${COLUMNS} from task_instance
  where state = 'scheduled' and is_admissible = 1 and lane = $1
  order by priority desc, order_date, run_key, task_index, map_index
  limit $2`,
)

// What is guarded comes with the row: spelled out it would match a partial index, which PostgreSQL then
// reads whole whenever statistics say that it is small.
const claim = statement(
  ({ rows }) => `
  update task_instance set state = 'queued', dispatch_id = d.in_dispatch_id, executor = d.in_executor, queued_at = $2, is_admissible = null
  from ${rows(1, { in_id: 'text', in_from: 'text', in_admissible: 'int', in_dispatch_id: 'text', in_executor: 'text' })} as d
  where id = d.in_id and state = d.in_from and is_admissible = d.in_admissible
  returning id`,
)

const insertDispatches = statement(
  ({ rows }) => `
  insert into dispatch (dispatch_id, task_instance_id, run_key, task_index, map_index, executor, pool, pool_slots, scheduler_id, created_at)
  select in_dispatch_id, in_id, in_run_key, in_task_index, in_map_index, in_executor, in_pool, in_pool_slots, $2, $3
  from ${rows(1, {
    in_dispatch_id: 'text',
    in_id: 'text',
    in_run_key: 'int',
    in_task_index: 'int',
    in_map_index: 'int',
    in_executor: 'text',
    in_pool: 'text',
    in_pool_slots: 'int',
  })} as d where true`,
)

// Cast, or SQLite divides as floating-point numbers what JavaScript hands over. The condition on the lane, which is
// always true, leads to the index of what is admissible.
const EARNED = `(cast($1 as bigint) - scheduled_at) / cast($2 as bigint)`

const age = statement(
  () => `
  update task_instance set priority = priority_weight + ${EARNED}
  where id in (
    select id from task_instance
    where state = 'scheduled' and is_admissible = 1 and lane > '' and ${EARNED} >= 1 and priority < priority_weight + ${EARNED}
    limit $3
  )
  returning id`,
)

/** The first candidates of one lane, in admission order. */
export function readCandidates(tx: Tx, lane: string, limit: number): Promise<CandidateRow[]> {
  return tx.all<CandidateRow>(candidates, [lane, limit])
}

/** A candidate, the dispatch it is claimed for, and the executor it goes to. */
export interface Claim {
  readonly dispatchId: string
  readonly executor: string
  readonly row: CandidateRow
}

/** Queues candidates and takes a slot for each, atomically. Answers the ids that moved. */
export async function claimCandidates(
  tx: Tx,
  claims: readonly Claim[],
  by: { schedulerId: string; now: number },
): Promise<ReadonlySet<string>> {
  const moved = await tx.all<{ id: string }>(claim, [
    JSON.stringify(claims.map((c) => [c.row.id, 'scheduled', 1, c.dispatchId, c.executor])),
    by.now,
  ])
  const ids = new Set(moved.map((row) => row.id))
  const values = claims
    .filter((c) => ids.has(c.row.id))
    .map(({ row, dispatchId, executor }) => {
      const { id, run_key, task_index, map_index, pool, pool_slots } = row
      return [dispatchId, id, run_key, task_index, map_index, executor, pool, pool_slots]
    })
  await tx.all(insertDispatches, [JSON.stringify(values), by.schedulerId, by.now])
  return ids
}

/** Gives waiting task instances the priority that their waiting has earned: one unit for each interval. */
export async function ageWaiting(tx: Tx, now: number, intervalMs: number, limit: number): Promise<number> {
  return (await tx.all(age, [now, intervalMs, limit])).length
}
