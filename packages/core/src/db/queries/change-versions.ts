import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Moving a run to another version of its Dag, under its lock and those of its dispatches. */

/** A task's new number and, for one that the version has, what it says of its task instances. */
export interface NewPlace {
  readonly from: number
  readonly to: number
  readonly settings: TaskSettings | null
}

/** What a version says of a task instance, whatever became of it. */
export interface TaskSettings {
  readonly executor: string
  readonly pool: string
  readonly poolSlots: number
  readonly lane: string
  readonly queue: string
  readonly priorityWeight: number
  readonly isLeaf: boolean
  /** How many tries it may have. */
  readonly maxTries: number
}

// Numbers are exchanged by way of others far below all, since no two task instances may have one even for a moment.
const PARKED = -1_000_000_000

const park = statement(
  () => `update task_instance set task_index = cast($2 as integer) - task_index where run_key = $1`,
)

// Where it went is left alone of what has ended, and so are the tries that it had.
const place = statement(
  ({ rows }) => `
  update task_instance set
    task_index = d.in_to, is_leaf = coalesce(d.in_is_leaf, 0), lane = coalesce(d.in_lane, lane),
    pool = coalesce(d.in_pool, pool), pool_slots = coalesce(d.in_pool_slots, pool_slots),
    queue = coalesce(d.in_queue, queue), priority_weight = coalesce(d.in_priority, priority_weight),
    executor = case when state in ('none', 'restarting', 'removed') then coalesce(d.in_executor, executor) else executor end,
    max_tries = case when state in ('none', 'restarting', 'removed') then try_number + coalesce(d.in_max_tries, 0) else max_tries end
  from ${rows(3, {
    in_from: 'int',
    in_to: 'int',
    in_is_leaf: 'int',
    in_lane: 'text',
    in_pool: 'text',
    in_pool_slots: 'int',
    in_queue: 'text',
    in_priority: 'int',
    in_executor: 'text',
    in_max_tries: 'int',
  })} as d
  where run_key = $1 and task_index = cast($2 as integer) - d.in_from`,
)

const follow = (table: 'task_instance_history' | 'dispatch') =>
  statement(
    ({ rows }) => `
  update ${table} set task_index = d.in_to
  from ${rows(2, { in_from: 'int', in_to: 'int' })} as d
  where run_key = $1 and task_index = d.in_from and d.in_from <> d.in_to`,
  )

const followHistory = follow('task_instance_history')

const followDispatches = follow('dispatch')

const pin = statement(
  () => `
  update dag_run set version_id = $2, max_active_tasks = (select d.max_active_tasks from dag d where d.dag_id = dag_run.dag_id)
  where run_key = $1
  returning order_date`,
)

/** Numbers all task instances of a run anew, their ended tries and their dispatches with them. */
export async function renumberTasks(tx: Tx, runKey: number, places: readonly NewPlace[]): Promise<void> {
  await tx.all(park, [runKey, PARKED])
  const values = places.map(({ from, to, settings }) => [
    from,
    to,
    ...(settings === null ? NOTHING : columnsOf(settings)),
  ])
  await tx.all(place, [runKey, PARKED, JSON.stringify(values)])
  const numbers = JSON.stringify(places.map(({ from, to }) => [from, to]))
  await tx.all(followHistory, [runKey, numbers])
  await tx.all(followDispatches, [runKey, numbers])
}

const NOTHING = Array.from({ length: 8 }, () => null)

function columnsOf(task: TaskSettings): readonly unknown[] {
  const { isLeaf, lane, pool, poolSlots, queue, priorityWeight, executor, maxTries } = task
  return [isLeaf ? 1 : 0, lane, pool, poolSlots, queue, priorityWeight, executor, maxTries]
}

/** Pins a run to a version, with its Dag's limit. Answers its place among runs of equal priority. */
export async function pinRun(tx: Tx, runKey: number, versionId: string): Promise<{ readonly orderDate: number }> {
  const [row] = await tx.all<{ order_date: number }>(pin, [runKey, versionId])
  if (row === undefined) throw new Error(`Dag run ${runKey} is gone under its lock.`)
  return { orderDate: row.order_date }
}
