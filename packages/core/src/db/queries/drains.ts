import type { Kysely, Selectable } from 'kysely'
import type { Tx } from '../database.ts'
import type { ExecutorDrainTable, Schema } from '../schema.ts'
import { statement } from '../statement.ts'

/** Work that leaves an executor: finding it, and the guarded changes that move it. */

/** A drain in force. */
export type DrainRow = Selectable<ExecutorDrainTable>

/** A task instance that is to leave: scheduled in a lane, or queued or running under a dispatch. */
export interface LeavingRow {
  readonly id: string
  readonly run_key: number
  readonly task_index: number
  readonly map_index: number
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly try_number: number
  readonly lane: string
  readonly version_id: string
  readonly dispatch_id: string | null
}

/** A task that cannot go where the drain sends it. */
export interface TaskOfVersion {
  readonly versionId: string
  readonly taskIndex: number
}

const COLUMNS = `ti.id, ti.run_key, ti.task_index, ti.map_index, ti.dag_id, ti.run_id, ti.task_id, ti.try_number, ti.lane,
    r.version_id, ti.dispatch_id`
const STAYING = { in_version: 'text', in_task: 'int' } as const

const lanes = statement(() => `select distinct lane from task_instance where is_admissible is not null`)

const waiting = statement(
  ({ rows }) => `
  select ${COLUMNS} from task_instance ti join dag_run r on r.run_key = ti.run_key
  where ti.is_admissible is not null and ti.lane = $1
    and not exists (select 1 from ${rows(2, STAYING)} as d where d.in_version = r.version_id and d.in_task = ti.task_index)
  order by ti.run_key, ti.task_index, ti.map_index limit $3`,
)

// The cross joins make SQLite begin at the dispatches.
const held = statement(
  ({ rows }) => `
  select ${COLUMNS} from dispatch p cross join task_instance ti cross join dag_run r
  where p.executor = $1 and p.stop_requested_at is null
    and ti.run_key = p.run_key and ti.task_index = p.task_index and ti.map_index = p.map_index
    and ti.dispatch_id = p.dispatch_id and ti.state = $2 and r.run_key = p.run_key
    and not exists (select 1 from ${rows(3, STAYING)} as d where d.in_version = r.version_id and d.in_task = ti.task_index)
  order by p.dispatch_id limit $4`,
)

const unconfirmed = statement(
  () =>
    `select dispatch_id from dispatch where executor = $1 and stop_requested_at is not null order by dispatch_id limit $2`,
)

const redirect = statement(
  ({ rows }) => `
  update task_instance set lane = d.in_lane, executor = d.in_executor
  from ${rows(1, { in_id: 'text', in_from: 'text', in_lane: 'text', in_executor: 'text' })} as d
  where id = d.in_id and lane = d.in_from and is_admissible is not null
  returning id`,
)

const requeue = statement(
  ({ rows }) => `
  update task_instance set
    state = 'scheduled', dispatch_id = null, lane = d.in_lane, executor = d.in_executor, is_admissible = 0,
    queued_at = null, external_id = null, ready_at = null
  from ${rows(1, { in_id: 'text', in_state: 'text', in_dispatch: 'text', in_lane: 'text', in_executor: 'text' })} as d
  where id = d.in_id and state = d.in_state and dispatch_id = d.in_dispatch
  returning id`,
)

const count = statement(() => `update executor_drain set moved = moved + $2 where executor = $1`)

/** Every drain in force. */
export function readDrains(db: Kysely<Schema>): Promise<DrainRow[]> {
  return db.selectFrom('executor_drain').selectAll().orderBy('executor').execute()
}

/** Puts a drain in force, or changes what one in force is to do. */
export async function upsertDrain({ query }: Tx, row: DrainRow): Promise<void> {
  const { executor: _executor, started_at: _since, moved: _moved, ...orders } = row
  await query
    .insertInto('executor_drain')
    .values(row)
    .onConflict((conflict) => conflict.column('executor').doUpdateSet(orders))
    .execute()
}

/** Ends a drain. Answers how much it has moved, or null when there was none. */
export async function deleteDrain({ query }: Tx, executor: string): Promise<number | null> {
  const ended = query.deleteFrom('executor_drain').where('executor', '=', executor).returning('moved')
  return (await ended.executeTakeFirst())?.moved ?? null
}

/** The lanes in which anything waits, admissible or not. */
export async function readLanesOfScheduled(tx: Tx): Promise<readonly string[]> {
  return (await tx.all<{ lane: string }>(lanes)).map((row) => row.lane)
}

/** What waits in a lane, but for tasks that stay. */
export function readWaitingIn(
  tx: Tx,
  lane: string,
  staying: readonly TaskOfVersion[],
  limit: number,
): Promise<LeavingRow[]> {
  return tx.all<LeavingRow>(waiting, [lane, stayingJson(staying), limit])
}

/** What is queued or running on an executor and not being stopped, but for tasks that stay. */
export function readHeldBy(
  tx: Tx,
  executor: string,
  state: 'queued' | 'running',
  { staying, limit }: { staying: readonly TaskOfVersion[]; limit: number },
): Promise<LeavingRow[]> {
  return tx.all<LeavingRow>(held, [executor, state, stayingJson(staying), limit])
}

/** Hand-overs to an executor that are to be stopped and are not confirmed gone. */
export async function readUnconfirmed(tx: Tx, executor: string, limit: number): Promise<readonly string[]> {
  return (await tx.all<{ dispatch_id: string }>(unconfirmed, [executor, limit])).map((row) => row.dispatch_id)
}

/** Where a task instance goes. */
export interface NewLane {
  readonly row: LeavingRow
  readonly lane: string
  readonly executor: string
}

/** Has scheduled rows wait in other lanes. Answers the ids that moved. */
export function redirectRows(tx: Tx, moves: readonly NewLane[]): Promise<ReadonlySet<string>> {
  return idsOf(tx.all(redirect, [JSON.stringify(moves.map((m) => [m.row.id, m.row.lane, m.lane, m.executor]))]))
}

/** Sends queued rows back to be handed over again, at the cost of no try and no launch. Answers the ids that moved. */
export function requeueRows(tx: Tx, moves: readonly NewLane[]): Promise<ReadonlySet<string>> {
  const values = moves.map((m) => [m.row.id, 'queued', m.row.dispatch_id, m.lane, m.executor])
  return idsOf(tx.all(requeue, [JSON.stringify(values)]))
}

/** Counts what a drain has moved. */
export async function countMoved(tx: Tx, executor: string, by: number): Promise<void> {
  await tx.all(count, [executor, by])
}

async function idsOf(rows: Promise<Array<{ id: string }>>): Promise<ReadonlySet<string>> {
  return new Set((await rows).map((row) => row.id))
}

function stayingJson(tasks: readonly TaskOfVersion[]): string {
  return JSON.stringify(tasks.map(({ versionId, taskIndex }) => [versionId, taskIndex]))
}

/** Tasks of which something waits for an executor, and how much. */
export function readLeftWaiting(db: Kysely<Schema>, executor: string) {
  return db
    .selectFrom('task_instance as ti')
    .innerJoin('dag_run as r', 'r.run_key', 'ti.run_key')
    .select((eb) => ['r.version_id', 'ti.dag_id', 'ti.task_id', 'ti.task_index', eb.fn.countAll<number>().as('count')])
    .where('ti.is_admissible', 'is not', null)
    .where('ti.executor', '=', executor)
    .groupBy(['r.version_id', 'ti.dag_id', 'ti.task_id', 'ti.task_index'])
    .orderBy('ti.dag_id')
    .orderBy('ti.task_index')
    .execute()
}
