import type { TaskInstanceState } from '@fairlead/protocol'
import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** Hand-overs: the outbox of what must still reach an executor, and the slot leases of what has. */

/** A dispatch with the task instance it is for. `ti_*` are null when that try has ended. */
export interface DispatchRow {
  readonly dispatch_id: string
  readonly task_instance_id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly executor: string
  readonly state: 'pending' | 'handed'
  readonly external_id: string | null
  readonly ti_state: TaskInstanceState | null
}

const COLUMNS = `p.dispatch_id, p.task_instance_id, p.run_key, p.task_index, p.map_index, p.executor, p.state, p.external_id,
    ti.state as ti_state`
const JOINED = `dispatch p left join task_instance ti on ti.id = p.task_instance_id and ti.dispatch_id = p.dispatch_id`

const orphaned = statement(
  () => `
  select ${COLUMNS} from ${JOINED}
  where p.executor = $1 and p.scheduler_id in (select id from scheduler where expires_at <= $2)
  order by p.created_at, p.dispatch_id limit $3`,
)

const adopt = statement(
  ({ rows }) => `
  update dispatch set scheduler_id = $2
  where dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d)
    and scheduler_id in (select id from scheduler where expires_at <= $3)
  returning dispatch_id`,
)

const handed = statement(
  ({ rows }) => `
  update dispatch set state = 'handed', external_id = d.in_external_id
  from ${rows(1, { in_id: 'text', in_external_id: 'text' })} as d where dispatch_id = d.in_id`,
)

const handedTaskInstances = statement(
  ({ rows }) => `
  update task_instance set external_id = d.in_external_id
  from ${rows(1, { in_ti: 'text', in_id: 'text', in_external_id: 'text' })} as d
  where id = d.in_ti and dispatch_id = d.in_id`,
)

const release = statement(
  ({ rows }) => `
  delete from dispatch where dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d)
  returning dispatch_id, task_instance_id`,
)

const byIds = statement(
  ({ rows }) => `
  select ${COLUMNS} from ${JOINED} where p.dispatch_id in (select in_id from ${rows(1, { in_id: 'text' })} as d)`,
)

const ofScheduler = statement(() => `select ${COLUMNS} from ${JOINED} where p.scheduler_id = $1 and p.created_at <= $2`)

const idsJson = (ids: readonly string[]): string => JSON.stringify(ids.map((id) => [id]))

/** Dispatches of one executor whose scheduler is gone. */
export function findOrphans(tx: Tx, executor: string, now: number, limit: number): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(orphaned, [executor, now, limit])
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

/** Notes that executors have accepted work, and under which ids of their own. */
export async function markHanded(
  tx: Tx,
  accepted: ReadonlyArray<{ dispatchId: string; taskInstanceId: string; externalId: string | null }>,
): Promise<void> {
  await tx.all(handed, [JSON.stringify(accepted.map((a) => [a.dispatchId, a.externalId]))])
  const named = accepted.filter((a) => a.externalId !== null)
  if (named.length === 0) return
  await tx.all(handedTaskInstances, [JSON.stringify(named.map((a) => [a.taskInstanceId, a.dispatchId, a.externalId]))])
}

/** Frees the slots of dispatches. Answers those that still held one, with their task instances. */
export function releaseDispatches(
  tx: Tx,
  ids: readonly string[],
): Promise<Array<{ dispatch_id: string; task_instance_id: string }>> {
  return tx.all(release, [idsJson(ids)])
}

/** Reads dispatches by id. */
export function readDispatches(tx: Tx, ids: readonly string[]): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(byIds, [idsJson(ids)])
}

/** Dispatches of one scheduler that are older than a moment. */
export function readDispatchesOf(tx: Tx, schedulerId: string, createdBefore: number): Promise<DispatchRow[]> {
  return tx.all<DispatchRow>(ofScheduler, [schedulerId, createdBefore])
}
