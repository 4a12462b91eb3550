import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'
import type { TaskAddress } from './move-task-instances.ts'
import type { UpstreamChange } from './upstream-counts.ts'

/** Changing task instances of a run by hand: any of them, in any state, under the run's lock. */

/** A task instance as it stands. */
export interface StandingRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly state: TaskInstanceState
  readonly try_number: number
  readonly max_tries: number
  readonly dispatch_id: string | null
  readonly is_leaf: number
}

const standing = statement(
  ({ rows }) => `
  select id, run_key, task_index, map_index, task_id, state, try_number, max_tries, dispatch_id, is_leaf
  from task_instance where run_key in (select in_run_key from ${rows(1, { in_run_key: 'int' })} as d)
  order by run_key, task_index, map_index`,
)

const archive = statement(
  ({ rows }) => `
  insert into task_instance_history
  select * from task_instance where id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const supersede = statement(
  ({ rows }) => `
  update task_instance_history set state = 'failed', ended_at = $2, cause = 'superseded'
  where id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const clear = statement(
  ({ rows }) => `
  update task_instance set
    id = d.in_new_id, state = d.in_to, max_tries = d.in_max_tries, dispatch_id = null, launch_attempts = 0,
    is_admissible = null, ready_at = null, scheduled_at = null, queued_at = null, started_at = null,
    ended_at = case when d.in_to = 'removed' then cast($2 as bigint) end,
    heartbeat_at = null, hostname = null, unixname = null, pid = null, nonce = null, external_id = null,
    cause = null, exit = null, error = null
  from ${rows(1, { in_id: 'text', in_from: 'text', in_new_id: 'text', in_to: 'text', in_max_tries: 'int' })} as d
  where id = d.in_id and state = d.in_from
  returning id`,
)

const settle = statement(
  ({ rows }) => `
  update task_instance set
    state = d.in_to, cause = d.in_cause, exit = null, error = null, ended_at = $2, is_admissible = null, ready_at = null
  from ${rows(1, { in_id: 'text', in_from: 'text', in_to: 'text', in_cause: 'text' })} as d
  where id = d.in_id and state = d.in_from
  returning id`,
)

const setCounts = statement(
  ({ rows }) => `
  update task_instance set
    up_success = d.in_success, up_failed = d.in_failed, up_upstream_failed = d.in_upstream_failed,
    up_skipped = d.in_skipped, up_removed = d.in_removed, up_setup_success = d.in_setup_success,
    up_setup_skipped = d.in_setup_skipped
  from ${rows(1, {
    in_run_key: 'int',
    in_task_index: 'int',
    in_map_index: 'int',
    in_success: 'int',
    in_failed: 'int',
    in_upstream_failed: 'int',
    in_skipped: 'int',
    in_removed: 'int',
    in_setup_success: 'int',
    in_setup_skipped: 'int',
  })} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and map_index = d.in_map_index and state = 'none'`,
)

const endRestart = statement(
  ({ rows }) => `
  update task_instance set
    state = case when task_index < 0 then 'removed' else 'none' end,
    ended_at = case when task_index < 0 then cast($2 as bigint) end
  from ${rows(1, { in_run_key: 'int', in_task_index: 'int', in_map_index: 'int', in_from: 'text' })} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and map_index = d.in_map_index and state = d.in_from
  returning run_key, task_index, map_index, task_id, try_number`,
)

/** Every task instance of runs. */
export function readStandingRows(tx: Tx, runKeys: readonly number[]): Promise<StandingRow[]> {
  return tx.all<StandingRow>(standing, [JSON.stringify(runKeys.map((key) => [key]))])
}

/** A row that is cleared: its try is archived, if it has one to keep, and the row begins anew under another id. */
export interface ClearedRow {
  readonly id: string
  readonly from: TaskInstanceState
  readonly to: 'none' | 'restarting' | 'removed'
  readonly newId: string
  readonly maxTries: number
  readonly archive: 'ended' | 'superseded' | null
}

/** Clears rows. */
export async function clearRows(tx: Tx, rows: readonly ClearedRow[], now: number): Promise<void> {
  if (rows.length === 0) return
  const archived = rows.filter((row) => row.archive !== null)
  if (archived.length > 0) await tx.all(archive, [idsJson(archived)])
  const superseded = rows.filter((row) => row.archive === 'superseded')
  if (superseded.length > 0) await tx.all(supersede, [idsJson(superseded), now])
  const moved = await tx.all(clear, [JSON.stringify(rows.map((r) => [r.id, r.from, r.newId, r.to, r.maxTries])), now])
  requireAll(moved.length, rows.length)
}

/** Settles rows in whatever state they are. */
export async function settleStandingRows(
  tx: Tx,
  rows: ReadonlyArray<{ id: string; from: TaskInstanceState; to: TaskInstanceState; cause: string | null }>,
  now: number,
): Promise<void> {
  if (rows.length === 0) return
  const moved = await tx.all(settle, [JSON.stringify(rows.map((r) => [r.id, r.from, r.to, r.cause])), now])
  requireAll(moved.length, rows.length)
}

/** Writes what undecided rows have counted of their upstreams. */
export async function setUpstreamCounts(
  tx: Tx,
  counted: ReadonlyArray<UpstreamChange & { readonly mapIndex: number }>,
): Promise<void> {
  if (counted.length === 0) return
  const values = counted.map((c) => [
    c.runKey,
    c.taskIndex,
    c.mapIndex,
    c.success,
    c.failed,
    c.upstreamFailed,
    c.skipped,
    c.removed,
    c.setupSuccess,
    c.setupSkipped,
  ])
  await tx.all(setCounts, [JSON.stringify(values)])
}

/** A row whose restart is over: its last process is gone, and it may run again, unless its task is gone too. */
export interface RestartedRow {
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly try_number: number
}

/** Ends the wait of rows that are restarting, at these addresses. */
export function endRestarts(tx: Tx, addresses: readonly TaskAddress[], now: number): Promise<RestartedRow[]> {
  const values = addresses.map((at) => [at.runKey, at.taskIndex, at.mapIndex, 'restarting'])
  return tx.all<RestartedRow>(endRestart, [JSON.stringify(values), now])
}

function idsJson(rows: ReadonlyArray<{ id: string }>): string {
  return JSON.stringify(rows.map((row) => [row.id]))
}

function requireAll(moved: number, wanted: number): void {
  if (moved !== wanted) throw new Error('A task instance changed state without the lock of its run.')
}
