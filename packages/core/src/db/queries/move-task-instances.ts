import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/**
 * The guarded state changes of task instances, each for many rows at once. A row that does not fit is left alone. The
 * state that is guarded comes with the row: see `claims.ts`.
 */

/** A task instance as a move reads it, under its run's lock. */
export interface TaskInstanceRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly state: TaskInstanceState
  readonly try_number: number
  readonly max_tries: number
  readonly dispatch_id: string | null
  readonly launch_attempts: number
  readonly hostname: string | null
  readonly unixname: string | null
  readonly pid: number | null
  readonly nonce: string | null
}

const COLUMNS = `id, run_key, task_index, map_index, task_id, state, try_number, max_tries, dispatch_id,
    launch_attempts, hostname, unixname, pid, nonce`

const readByIds = statement(
  ({ rows }) => `
  select ${COLUMNS} from task_instance where id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const readArchived = statement(
  ({ rows }) => `
  select id from task_instance_history where id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const settle = statement(
  ({ rows }) => `
  update task_instance set
    state = d.in_to, ended_at = d.in_ended_at, cause = d.in_cause, exit = d.in_exit, error = d.in_error
  from ${rows(1, { in_id: 'text', in_from: 'text', in_to: 'text', in_ended_at: 'int', in_cause: 'text', in_exit: 'text', in_error: 'text' })} as d
  where id = d.in_id and state = d.in_from
  returning id`,
)

const archive = statement(
  ({ rows }) => `
  insert into task_instance_history
  select * from task_instance where id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const endTryInHistory = statement(
  ({ rows }) => `
  update task_instance_history set ended_at = d.in_ended_at, cause = d.in_cause, exit = d.in_exit, error = d.in_error, state = 'failed'
  from ${rows(1, { in_id: 'text', in_ended_at: 'int', in_cause: 'text', in_exit: 'text', in_error: 'text' })} as d
  where id = d.in_id`,
)

const renew = statement(
  ({ rows }) => `
  update task_instance set
    id = d.in_new_id, state = 'up_for_retry', ready_at = d.in_ready_at, ended_at = d.in_ended_at, cause = d.in_cause,
    max_tries = max_tries + d.in_extra_tries, dispatch_id = null, launch_attempts = 0, queued_at = null, started_at = null,
    heartbeat_at = null, hostname = null, unixname = null, pid = null, nonce = null, external_id = null
  from ${rows(1, { in_id: 'text', in_new_id: 'text', in_ready_at: 'int', in_ended_at: 'int', in_cause: 'text', in_extra_tries: 'int' })} as d
  where id = d.in_id`,
)

const relaunch = statement(
  ({ rows }) => `
  update task_instance set
    state = 'scheduled', dispatch_id = null, launch_attempts = launch_attempts + 1, ready_at = d.in_ready_at,
    is_admissible = 0, queued_at = null, external_id = null, cause = d.in_cause, exit = d.in_exit
  from ${rows(1, { in_id: 'text', in_from: 'text', in_ready_at: 'int', in_cause: 'text', in_exit: 'text' })} as d
  where id = d.in_id and state = d.in_from`,
)

const schedule = statement(
  ({ rows }) => `
  update task_instance set
    state = 'scheduled', try_number = try_number + 1, scheduled_at = $2, ready_at = null, ended_at = null,
    cause = null, is_admissible = d.in_is_admissible, priority = priority_weight
  from ${rows(1, { in_run_key: 'int', in_task_index: 'int', in_map_index: 'int', in_is_admissible: 'int' })} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and map_index = d.in_map_index
    and state in ('none', 'up_for_retry')
  returning run_key, task_index, map_index, task_id, try_number`,
)

const settleUnstarted = statement(
  ({ rows }) => `
  update task_instance set state = d.in_to, ended_at = $2, cause = null
  from ${rows(1, { in_run_key: 'int', in_task_index: 'int', in_map_index: 'int', in_to: 'text' })} as d
  where run_key = d.in_run_key and task_index = d.in_task_index and map_index = d.in_map_index and state = 'none'`,
)

const start = statement(
  ({ rows }) => `
  update task_instance set
    state = 'running', started_at = d.in_started_at, heartbeat_at = $2, hostname = d.in_hostname,
    unixname = d.in_unixname, pid = d.in_pid, nonce = d.in_nonce
  from ${rows(1, { in_id: 'text', in_from: 'text', in_started_at: 'int', in_hostname: 'text', in_unixname: 'text', in_pid: 'int', in_nonce: 'text' })} as d
  where id = d.in_id and state = d.in_from`,
)

const heartbeat = statement(
  () => `
  update task_instance set heartbeat_at = $1
  where id = $2 and state = 'running' and dispatch_id = $3 and hostname = $4 and pid = $5
  returning id`,
)

/** Where a task instance stands in its run. */
export interface TaskAddress {
  readonly runKey: number
  readonly taskIndex: number
  readonly mapIndex: number
}

/** How a try ended, as columns. */
export interface EndColumns {
  readonly endedAt: number
  readonly cause: string | null
  readonly exit: string | null
  readonly error: string | null
}

const idsJson = (ids: readonly string[]): string => JSON.stringify(ids.map((id) => [id]))

/** Reads live rows by id. */
export function readTaskInstances(tx: Tx, ids: readonly string[]): Promise<TaskInstanceRow[]> {
  return tx.all<TaskInstanceRow>(readByIds, [idsJson(ids)])
}

/** Which of these ids are ended tries. */
export async function findArchived(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx.all<{ id: string }>(readArchived, [idsJson(ids)])
  return new Set(rows.map((row) => row.id))
}

/** Writes terminal states. */
export async function settleRows(
  tx: Tx,
  moves: ReadonlyArray<EndColumns & { id: string; from: TaskInstanceState; to: TaskInstanceState }>,
): Promise<void> {
  const values = moves.map((m) => [m.id, m.from, m.to, m.endedAt, m.cause, m.exit, m.error])
  await tx.all(settle, [JSON.stringify(values)])
}

/** Moves ended tries to the history, and gives their rows a new id and a time to try again. */
export async function renewRows(
  tx: Tx,
  moves: ReadonlyArray<EndColumns & { id: string; newId: string; readyAt: number; extraTries: number }>,
): Promise<void> {
  await tx.all(archive, [idsJson(moves.map((move) => move.id))])
  await tx.all(endTryInHistory, [JSON.stringify(moves.map((m) => [m.id, m.endedAt, m.cause, m.exit, m.error]))])
  await tx.all(renew, [JSON.stringify(moves.map((m) => [m.id, m.newId, m.readyAt, m.endedAt, m.cause, m.extraTries]))])
}

/** Sends queued rows back to be handed over again later, at the cost of no try. */
export async function relaunchRows(
  tx: Tx,
  moves: ReadonlyArray<{ id: string; readyAt: number; cause: string; exit: string | null }>,
): Promise<void> {
  await tx.all(relaunch, [JSON.stringify(moves.map((m) => [m.id, 'queued', m.readyAt, m.cause, m.exit]))])
}

/** A row that has become scheduled. */
export interface ScheduledRow {
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly task_id: string
  readonly try_number: number
}

/** Makes rows scheduled: the next try begins here. */
export function scheduleRows(
  tx: Tx,
  moves: ReadonlyArray<TaskAddress & { isAdmissible: boolean }>,
  now: number,
): Promise<ScheduledRow[]> {
  const values = moves.map((m) => [m.runKey, m.taskIndex, m.mapIndex, m.isAdmissible ? 1 : 0])
  return tx.all<ScheduledRow>(schedule, [JSON.stringify(values), now])
}

/** Settles rows whose trigger rule says that they never run. */
export async function settleUnstartedRows(
  tx: Tx,
  moves: ReadonlyArray<TaskAddress & { to: 'skipped' | 'upstream_failed' }>,
  now: number,
): Promise<void> {
  await tx.all(settleUnstarted, [JSON.stringify(moves.map((m) => [m.runKey, m.taskIndex, m.mapIndex, m.to])), now])
}

/** Who runs a task instance. */
export interface WorkerIdentity {
  readonly hostname: string
  readonly unixname: string
  readonly pid: number
  readonly nonce: string | null
}

/** Makes queued rows running. */
export async function startRows(
  tx: Tx,
  moves: ReadonlyArray<WorkerIdentity & { id: string; startedAt: number }>,
  now: number,
): Promise<void> {
  const values = moves.map((m) => [m.id, 'queued', m.startedAt, m.hostname, m.unixname, m.pid, m.nonce])
  await tx.all(start, [JSON.stringify(values), now])
}

/** Notes a sign of life. False when the row is not running under this dispatch and process. */
export async function touchHeartbeat(
  tx: Tx,
  beat: { id: string; dispatchId: string; hostname: string; pid: number; now: number },
): Promise<boolean> {
  const rows = await tx.all(heartbeat, [beat.now, beat.id, beat.dispatchId, beat.hostname, beat.pid])
  return rows.length > 0
}
