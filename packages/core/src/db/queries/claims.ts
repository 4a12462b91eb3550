import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Reading admission's candidates and claiming what it admits. */

/** A scheduled, admissible task instance. */
export interface CandidateRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly executor: string
  readonly queue: string
  readonly priority: number
  readonly priority_weight: number
  readonly order_date: number
  readonly try_number: number
  readonly launch_attempts: number
  readonly scheduled_at: number
}

const COLUMNS = `id, run_key, task_index, map_index, task_id, executor, queue, priority, priority_weight, order_date,
    try_number, launch_attempts, scheduled_at`

const candidates = statement(
  () => `
  select ${COLUMNS} from task_instance
  where state = 'scheduled' and is_admissible = 1 and executor = $1
  order by priority desc, order_date, run_key, task_index, map_index
  limit $2`,
)

// What is guarded comes with the row: spelled out it would match a partial index, which PostgreSQL then
// reads whole whenever statistics say that it is small.
const claim = statement(
  ({ rows }) => `
  update task_instance set state = 'queued', dispatch_id = d.in_dispatch_id, queued_at = $2, is_admissible = null
  from ${rows(1, { in_id: 'text', in_from: 'text', in_admissible: 'int', in_dispatch_id: 'text' })} as d
  where id = d.in_id and state = d.in_from and is_admissible = d.in_admissible
  returning id`,
)

const insertDispatches = statement(
  ({ rows }) => `
  insert into dispatch (dispatch_id, task_instance_id, run_key, task_index, map_index, executor, scheduler_id, created_at)
  select in_dispatch_id, in_id, in_run_key, in_task_index, in_map_index, in_executor, $2, $3
  from ${rows(1, {
    in_dispatch_id: 'text',
    in_id: 'text',
    in_run_key: 'int',
    in_task_index: 'int',
    in_map_index: 'int',
    in_executor: 'text',
  })} as d where true`,
)

const usedSlots = statement(
  () => `select executor, count(*) as used, count(stop_requested_at) as stopping from dispatch group by executor`,
)

// Cast, or SQLite divides as floating-point numbers what JavaScript hands over. The condition on the executor, which is
// always true, leads to the index of what is admissible.
const EARNED = `(cast($1 as bigint) - scheduled_at) / cast($2 as bigint)`

const age = statement(
  () => `
  update task_instance set priority = priority_weight + ${EARNED}
  where id in (
    select id from task_instance
    where state = 'scheduled' and is_admissible = 1 and executor > '' and ${EARNED} >= 1 and priority < priority_weight + ${EARNED}
    limit $3
  )
  returning id`,
)

/** The first candidates of one executor, in admission order. */
export function readCandidates(tx: Tx, executor: string, limit: number): Promise<CandidateRow[]> {
  return tx.all<CandidateRow>(candidates, [executor, limit])
}

/** A candidate and the dispatch it is claimed for. */
export interface Claim {
  readonly dispatchId: string
  readonly row: CandidateRow
}

/** Queues candidates and takes a slot for each, atomically. Answers the ids that moved. */
export async function claimCandidates(
  tx: Tx,
  claims: readonly Claim[],
  by: { schedulerId: string; now: number },
): Promise<ReadonlySet<string>> {
  const moved = await tx.all<{ id: string }>(claim, [
    JSON.stringify(claims.map((c) => [c.row.id, 'scheduled', 1, c.dispatchId])),
    by.now,
  ])
  const ids = new Set(moved.map((row) => row.id))
  const values = claims
    .filter((c) => ids.has(c.row.id))
    .map(({ row, dispatchId }) => [dispatchId, row.id, row.run_key, row.task_index, row.map_index, row.executor])
  await tx.all(insertDispatches, [JSON.stringify(values), by.schedulerId, by.now])
  return ids
}

/** Slots in use by executor: one for each dispatch whose process is not known to be gone. */
export interface UsedSlots {
  readonly used: ReadonlyMap<string, number>
  /** True when a process of any of them is to be stopped. */
  readonly hasStops: boolean
}

/** Reads what is in use, and with it whether anything is to be stopped: nobody need ask for that alone. */
export async function readUsedSlots(tx: Tx): Promise<UsedSlots> {
  const rows = await tx.all<{ executor: string; used: number; stopping: number }>(usedSlots)
  return {
    used: new Map(rows.map((row) => [row.executor, row.used])),
    hasStops: rows.some((row) => row.stopping > 0),
  }
}

/** Gives waiting task instances the priority that their waiting has earned: one unit for each interval. */
export async function ageWaiting(tx: Tx, now: number, intervalMs: number, limit: number): Promise<number> {
  return (await tx.all(age, [now, intervalMs, limit])).length
}
