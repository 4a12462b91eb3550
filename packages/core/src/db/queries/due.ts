import type { NextDagRun } from '../../model/timetable.ts'
import type { Tx } from '../database.ts'
import type { DagTable } from '../schema.ts'
import { statement } from '../statement.ts'

/** What time alone makes ready: runs to create, runs to start, retries and relaunches to schedule. */

/** A Dag whose next run is due. */
export interface DueDag {
  readonly dag_id: string
  readonly schedule: string
  readonly version_id: string
  readonly next_logical_date: number
  readonly next_interval_start: number
  readonly next_interval_end: number
  readonly next_run_after: number
}

const dueDags = statement(
  ({ skipLocked }) => `
  select dag_id, schedule, version_id, next_logical_date, next_interval_start, next_interval_end, next_run_after
  from dag d
  where next_run_after is not null and is_active = 1 and is_paused = 0 and next_run_after <= $1
  order by next_run_after limit $2 ${skipLocked('d')}`,
)

// The cross join makes SQLite begin at the Dags with places, never at whatever is queued.
const startableRuns = statement(
  () => `
  select r.run_key, r.dag_id, d.max_active_runs - d.running_runs as places
  from dag d cross join dag_run r
  where r.dag_id = d.dag_id and d.queued_runs > 0 and d.is_paused = 0 and d.running_runs < d.max_active_runs
    and r.state = 'queued' and r.run_after <= $1
  order by d.dag_id, r.run_after, r.run_key
  limit $2`,
)

const dueTaskInstances = statement(
  () => `
  select id, run_key, task_index, map_index, state from task_instance
  where ready_at is not null and ready_at <= $1 order by ready_at limit $2`,
)

const clearBackoff = statement(
  ({ rows }) => `
  update task_instance set ready_at = null
  where state = 'scheduled' and ready_at is not null and id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const nextMoments = statement(
  () => `
  select min(moment) as moment from (
    select min(next_run_after) as moment from dag where next_run_after is not null and is_active = 1 and is_paused = 0
    union all select min(ready_at) from task_instance where ready_at is not null
    union all select min((select min(r.run_after) from dag_run r where r.dag_id = d.dag_id and r.state = 'queued')) as moment
      from dag d where d.queued_runs > 0 and d.is_paused = 0 and d.running_runs < d.max_active_runs
    union all select min(b.created_at) as moment from backfill b join dag d on d.dag_id = b.dag_id
      where b.completed_at is null and b.is_paused = 0 and d.is_active = 1 and d.is_paused = 0 and (
        case when exists (select 1 from backfill_run p where p.backfill_id = b.id and p.outcome is null)
          then b.max_active_runs else 1 end
      ) > (
        select count(*) from dag_run r where r.backfill_id = b.id and r.state in ('queued', 'running'))
  ) as moments`,
)

/** Dags with a run to create, the most overdue first. */
export function findDueDags(tx: Tx, now: number, limit: number): Promise<DueDag[]> {
  return tx.all<DueDag>(dueDags, [now, limit])
}

/** A queued run whose Dag may have more running. `places` is how many. */
export interface StartableRun {
  readonly run_key: number
  readonly dag_id: string
  readonly places: number
}

/** Queued runs of Dags with places, in the order in which they are to start. */
export function findStartableRuns(tx: Tx, now: number, limit: number): Promise<StartableRun[]> {
  return tx.all<StartableRun>(startableRuns, [now, limit])
}

/** A task instance whose delay is over. */
export interface DueTaskInstance {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly state: string
}

/** Retries and relaunches whose time has come. */
export function findDueTaskInstances(tx: Tx, now: number, limit: number): Promise<DueTaskInstance[]> {
  return tx.all<DueTaskInstance>(dueTaskInstances, [now, limit])
}

/** Ends the backoff of scheduled rows. */
export async function clearLaunchBackoff(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.all(clearBackoff, [JSON.stringify(ids.map((id) => [id]))])
}

/** When time alone will next make something ready, or null. */
export async function findNextMoment(tx: Tx): Promise<number | null> {
  const [row] = await tx.all<{ moment: number | null }>(nextMoments)
  return row?.moment ?? null
}

/** A Dag's next run as columns; nulls when there is none. */
export function nextRunRow(
  next: NextDagRun | null,
): Pick<DagTable, 'next_logical_date' | 'next_interval_start' | 'next_interval_end' | 'next_run_after'> {
  return {
    next_logical_date: next?.logicalDate ?? null,
    next_interval_start: next?.dataIntervalStart ?? null,
    next_interval_end: next?.dataIntervalEnd ?? null,
    next_run_after: next?.runAfter ?? null,
  }
}
