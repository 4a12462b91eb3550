import { INFINITE_SLOTS } from '@fairlead/protocol'
import { runTaskKey, taskKey, type PoolCapacity } from '../../model/admission.ts'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** What admission weighs beside its candidates: lanes, slots in use, pools and active task instances. */

// From one lane to the next in the index of what is admissible, however much waits in each.
const waitingLanes = statement(
  () => `
  with recursive found(lane) as (
    select min(lane) from task_instance where is_admissible = 1
    union all
    select (select min(ti.lane) from task_instance ti where ti.is_admissible = 1 and ti.lane > found.lane)
    from found where found.lane is not null
  )
  select lane from found where lane is not null`,
)

const usedSlots = statement(
  () => `
  select executor, pool, count(*) as used, sum(pool_slots) as pool_used, count(stop_requested_at) as stopping, null as slots,
    null as drains_to
  from dispatch group by executor, pool
  union all
  select null, name, 0, 0, 0, slots, null from pool
  union all
  select executor, '', 0, 0, 0, null, coalesce(move_to, '') from executor_drain`,
)

// The cross join makes SQLite begin at the dispatches: as many as there are slots in use.
const activeTasks = statement(
  () => `
  select ti.dag_id, ti.task_id, ti.run_key, count(*) as active
  from dispatch p cross join task_instance ti
  where ti.run_key = p.run_key and ti.task_index = p.task_index and ti.map_index = p.map_index
  group by ti.dag_id, ti.task_id, ti.run_key`,
)

/** The lanes in which something admissible waits. */
export async function readWaitingLanes(tx: Tx): Promise<readonly string[]> {
  return (await tx.all<{ lane: string }>(waitingLanes)).map((row) => row.lane)
}

/** What is in use: a slot for each dispatch whose process is not known to be gone, and its slots of a pool. */
export interface UsedSlots {
  readonly executors: ReadonlyMap<string, number>
  readonly pools: ReadonlyMap<string, PoolCapacity>
  /** True when a process of any of them is to be stopped: nobody need ask for that alone. */
  readonly hasStops: boolean
  /** Executors on which nothing new starts, each with the one that its work goes to. */
  readonly drains: ReadonlyMap<string, string | null>
}

/** Reads the slots in use, and the pools. */
export async function readUsedSlots(tx: Tx): Promise<UsedSlots> {
  const rows = await tx.all<UsedRow>(usedSlots)
  const executors = new Map<string, number>()
  const used = new Map<string, number>()
  const drains = new Map<string, string | null>()
  for (const { executor, pool, used: leases, pool_used: poolUsed, drains_to: to } of rows) {
    if (executor !== null && to !== null) drains.set(executor, to === '' ? null : to)
    if (executor !== null) executors.set(executor, (executors.get(executor) ?? 0) + leases)
    used.set(pool, (used.get(pool) ?? 0) + Number(poolUsed))
  }
  const pools = rows.flatMap(({ pool, slots }): Array<[string, PoolCapacity]> =>
    slots === null ? [] : [[pool, { slots: slots === INFINITE_SLOTS ? Infinity : slots, used: used.get(pool) ?? 0 }]],
  )
  return { executors, pools: new Map(pools), hasStops: rows.some((row) => row.stopping > 0), drains }
}

interface UsedRow {
  readonly executor: string | null
  readonly pool: string
  readonly used: number
  readonly stopping: number
  /** PostgreSQL sums 64-bit integers as decimals, which arrive as text. */
  readonly pool_used: number | string
  readonly slots: number | null
  /** Of a drain, where to; empty for nowhere. */
  readonly drains_to: string | null
}

/** How many of each task are active, over all runs and in each. */
export async function readActiveTis(tx: Tx): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.all<{ dag_id: string; task_id: string; run_key: number; active: number }>(activeTasks)
  const counts = new Map<string, number>()
  for (const { dag_id, task_id, run_key, active } of rows) {
    const key = taskKey(dag_id, task_id)
    counts.set(key, (counts.get(key) ?? 0) + active)
    counts.set(runTaskKey(run_key, task_id), active)
  }
  return counts
}
