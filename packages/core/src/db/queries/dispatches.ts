import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Hand-overs: one row from the moment work is queued until its process is known to be gone. */

/** Why the process of a dispatch is to be stopped. */
export type StopReason = 'cleared' | 'marked' | 'cancelled' | 'superseded' | 'drained'

/** A dispatch with the task instance it is for. */
export interface DispatchRow {
  readonly dispatch_id: string
  readonly task_instance_id: string
  readonly executor: string
  readonly external_id: string | null
  readonly created_at: number
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly version_id: string
  readonly state: TaskInstanceState
  readonly try_number: number
  readonly queue: string
  readonly priority: number
  readonly stop_requested_at: number | null
  readonly stop_reason: StopReason | null
  /** The last sign of life of the process that was let run; null before. */
  readonly heartbeat_at: number | null
  /** 1 while the task instance's row still belongs to this dispatch. */
  readonly is_current: number
}

// The cross joins make SQLite begin at the dispatches: as many as there are slots in use.
const SELECT = `
  select p.dispatch_id, p.task_instance_id, p.executor, p.external_id, p.created_at, p.run_key, p.task_index, p.map_index,
    p.stop_requested_at, p.stop_reason, ti.dag_id, ti.run_id, ti.task_id, r.version_id, ti.state, ti.try_number, ti.queue, ti.priority, ti.heartbeat_at,
    case when ti.dispatch_id = p.dispatch_id and ti.state in ('queued', 'running') then 1 else 0 end as is_current
  from dispatch p cross join task_instance ti cross join dag_run r
  where ti.run_key = p.run_key and ti.task_index = p.task_index and ti.map_index = p.map_index and r.run_key = p.run_key`

const orphaned = statement(
  () => `${SELECT}
    and p.executor = $1 and p.scheduler_id in (select id from scheduler where expires_at <= $2)
  order by p.dispatch_id limit $3`,
)

const byIds = statement(
  ({ rows }) => `${SELECT}
    and p.dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d) order by p.dispatch_id`,
)

const orphanedExecutors = statement(
  () => `select distinct p.executor from scheduler s join dispatch p on p.scheduler_id = s.id where s.expires_at <= $1`,
)

const ofScheduler = statement(() => `${SELECT} and p.scheduler_id = $1 order by p.dispatch_id`)

const toStop = statement(
  () => `${SELECT} and p.scheduler_id = $1 and p.stop_requested_at is not null order by p.dispatch_id`,
)

const silent = statement(
  () => `${SELECT}
    and ti.state = 'running' and ti.heartbeat_at <= $1 and ti.dispatch_id = p.dispatch_id
  order by p.dispatch_id limit $2`,
)

const stuck = statement(
  () => `${SELECT}
    and ti.state = 'queued' and ti.queued_at <= $1 and ti.dispatch_id = p.dispatch_id
    and (p.scheduler_id = $2 or p.scheduler_id in (select id from scheduler where expires_at <= $3))
    and p.dispatch_id > $4
  order by p.dispatch_id limit $5`,
)

const adopt = statement(
  ({ rows }) => `
  update dispatch set scheduler_id = $2
  where dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d)
    and scheduler_id in (select id from scheduler where expires_at <= $3)
  returning dispatch_id`,
)

const nameDispatches = statement(
  ({ rows }) => `
  update dispatch set external_id = d.in_external_id
  from ${rows(1, { in_id: 'text', in_external_id: 'text', in_executor: 'text' })} as d
  where dispatch_id = d.in_id and executor = coalesce(d.in_executor, executor)
  returning dispatch_id, task_instance_id`,
)

const nameTaskInstances = statement(
  ({ rows }) => `
  update task_instance set external_id = d.in_external_id
  from ${rows(1, { in_ti: 'text', in_id: 'text', in_external_id: 'text' })} as d
  where id = d.in_ti and dispatch_id = d.in_id`,
)

const release = statement(
  ({ rows }) => `
  delete from dispatch where dispatch_id in (
    select p.dispatch_id from ${rows(1, { in_id: 'text', in_executor: 'text' })} as d
    join dispatch p on p.dispatch_id = d.in_id where p.executor = coalesce(d.in_executor, p.executor)
  )
  returning dispatch_id, task_instance_id, run_key, task_index, map_index, stop_requested_at, stop_reason`,
)

const openAttempts = statement(
  ({ rows }) => `
  select ti.dispatch_id, ti.id from ${rows(1, { in_ti: 'text', in_id: 'text' })} as d
  join task_instance ti on ti.id = d.in_ti
  where ti.dispatch_id = d.in_id and ti.state in ('queued', 'running')`,
)

const idsJson = (ids: readonly string[]): string => JSON.stringify(ids.map((id) => [id]))

/** Dispatches of one executor whose scheduler is gone. */
export function findOrphans(tx: Tx, executor: string, now: number, limit: number): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(orphaned, [executor, now, limit])
}

/** Reads dispatches by id. */
export function readDispatches(tx: Tx, ids: readonly string[]): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(byIds, [idsJson(ids)])
}

/** Executors that have work of schedulers that are gone. */
export async function findOrphanedExecutors(tx: Tx, now: number): Promise<readonly string[]> {
  return (await tx.all<{ executor: string }>(orphanedExecutors, [now])).map((row) => row.executor)
}

/** Everything that one scheduler has handed over. */
export function readDispatchesOf(tx: Tx, schedulerId: string): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(ofScheduler, [schedulerId])
}

/** Dispatches of one scheduler whose processes are to be stopped. */
export function readStopRequests(tx: Tx, schedulerId: string): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(toStop, [schedulerId])
}

/** Running attempts without a sign of life since a moment. */
export function findSilent(tx: Tx, since: number, limit: number): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(silent, [since, limit])
}

/**
 * Attempts that have been queued since a moment, or longer, of this scheduler and of those that are gone: another that
 * lives knows better what its own wait for. In order of their dispatch ids, behind `after`.
 */
export function findStuck(
  tx: Tx,
  { since, schedulerId, now }: { since: number; schedulerId: string; now: number },
  { after, limit }: { after: string; limit: number },
): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(stuck, [since, schedulerId, now, after, limit])
}

/** Takes over orphans; answers those that were still to be had. */
export async function adoptDispatches(
  tx: Tx,
  ids: readonly string[],
  by: { schedulerId: string; now: number },
): Promise<ReadonlySet<string>> {
  const rows = await tx.all<{ dispatch_id: string }>(adopt, [idsJson(ids), by.schedulerId, by.now])
  return new Set(rows.map((row) => row.dispatch_id))
}

/** A dispatch, and the executor whose word it is: about another's work it says nothing. */
export interface OwnDispatch {
  readonly dispatchId: string
  readonly executor?: string
}

/** Notes under which ids executors know their work. */
export async function nameExternally(
  tx: Tx,
  accepted: ReadonlyArray<OwnDispatch & { externalId: string }>,
): Promise<void> {
  const rows = await tx.all<{ dispatch_id: string; task_instance_id: string }>(nameDispatches, [
    JSON.stringify(accepted.map((a) => [a.dispatchId, a.externalId, a.executor ?? null])),
  ])
  const names = new Map(accepted.map((a) => [a.dispatchId, a.externalId]))
  const values = rows.map((row) => [row.task_instance_id, row.dispatch_id, names.get(row.dispatch_id)])
  await tx.all(nameTaskInstances, [JSON.stringify(values)])
}

/** A dispatch that has just given up its slot. */
export interface ReleasedDispatch {
  readonly dispatch_id: string
  readonly task_instance_id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly stop_requested_at: number | null
  readonly stop_reason: StopReason | null
}

/** Frees the slots of dispatches. Answers those that still held one, with their task instances. */
export function releaseDispatches(tx: Tx, ended: readonly OwnDispatch[]): Promise<ReleasedDispatch[]> {
  return tx.all(release, [JSON.stringify(ended.map((one) => [one.dispatchId, one.executor ?? null]))])
}

/** Those dispatches whose task instance is still queued or running under them, with its id. */
export async function findOpenAttempts(
  tx: Tx,
  dispatches: ReadonlyArray<{ dispatch_id: string; task_instance_id: string }>,
): Promise<ReadonlyMap<string, string>> {
  if (dispatches.length === 0) return new Map()
  const values = dispatches.map((row) => [row.task_instance_id, row.dispatch_id])
  const rows = await tx.all<{ dispatch_id: string; id: string }>(openAttempts, [JSON.stringify(values)])
  return new Map(rows.map((row) => [row.dispatch_id, row.id]))
}
