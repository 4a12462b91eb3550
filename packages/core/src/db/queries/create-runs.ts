import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** A run to insert. */
export interface NewDagRun {
  readonly dagId: string
  readonly runId: string
  readonly runType: string
  readonly logicalDate: number | null
  readonly dataIntervalStart: number | null
  readonly dataIntervalEnd: number | null
  readonly runAfter: number
  readonly conf: string | null
  readonly versionId: string
  readonly triggeredBy: string
  readonly note: string | null
  readonly maxActiveTasks: number
  readonly taskCount: number
}

/** A task instance to insert, undecided. */
export interface NewTaskInstance {
  readonly id: string
  readonly taskIndex: number
  readonly taskId: string
  readonly maxTries: number
  /** The first of its chain. */
  readonly executor: string
  readonly pool: string
  readonly poolSlots: number
  readonly lane: string
  readonly queue: string
  readonly priorityWeight: number
  readonly isLeaf: boolean
}

const insertRun = statement(
  () => `
  insert into dag_run (
    dag_id, run_id, run_type, state, logical_date, data_interval_start, data_interval_end, run_after, queued_at, conf,
    version_id, triggered_by, note, max_active_tasks, order_date, unfinished, active, waiting, failed_leaves, is_windowed)
  values ($1, $2, $3, 'queued', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce(cast($4 as bigint), $7), $14, 0, 0, 0, 0)
  on conflict do nothing
  returning run_key, order_date`,
)

const insertTaskInstances = statement(
  ({ rows }) => `
  insert into task_instance (
    id, run_key, task_index, map_index, dag_id, run_id, task_id, state, try_number, max_tries, executor, queue,
    priority_weight, priority, order_date, is_leaf, up_success, up_failed, up_upstream_failed, up_skipped,
    up_removed, up_setup_success, up_setup_skipped, launch_attempts, pool, pool_slots, lane)
  select in_id, $2, in_task_index, -1, $3, $4, in_task_id, 'none', 0, in_max_tries, in_executor, in_queue,
    in_priority, in_priority, $5, in_is_leaf, 0, 0, 0, 0, 0, 0, 0, 0, in_pool, in_pool_slots, in_lane
  from ${rows(1, {
    in_id: 'text',
    in_task_index: 'int',
    in_task_id: 'text',
    in_max_tries: 'int',
    in_executor: 'text',
    in_queue: 'text',
    in_priority: 'int',
    in_is_leaf: 'int',
    in_pool: 'text',
    in_pool_slots: 'int',
    in_lane: 'text',
  })} as d where true`,
)

/** Inserts a queued run. Null when its run id or its logical date is taken. */
export async function insertDagRun(
  tx: Tx,
  run: NewDagRun,
  now: number,
): Promise<{ run_key: number; order_date: number } | null> {
  const rows = await tx.all<{ run_key: number; order_date: number }>(insertRun, [
    run.dagId,
    run.runId,
    run.runType,
    run.logicalDate,
    run.dataIntervalStart,
    run.dataIntervalEnd,
    run.runAfter,
    now,
    run.conf,
    run.versionId,
    run.triggeredBy,
    run.note,
    run.maxActiveTasks,
    run.taskCount,
  ])
  return rows[0] ?? null
}

/** Inserts a run's task instances in one statement. */
export async function insertRunTaskInstances(
  tx: Tx,
  run: { runKey: number; dagId: string; runId: string; orderDate: number },
  tasks: readonly NewTaskInstance[],
): Promise<void> {
  const values = tasks.map((t) => [
    t.id,
    t.taskIndex,
    t.taskId,
    t.maxTries,
    t.executor,
    t.queue,
    t.priorityWeight,
    t.isLeaf ? 1 : 0,
    t.pool,
    t.poolSlots,
    t.lane,
  ])
  await tx.all(insertTaskInstances, [JSON.stringify(values), run.runKey, run.dagId, run.runId, run.orderDate])
}
