import type { DagRunState } from '@fairlead/protocol'
import type { Kysely, Selectable } from 'kysely'
import type { NextDagRun } from '../../model/timetable.ts'
import type { Tx } from '../database.ts'
import type { BackfillRunTable, BackfillTable, Schema } from '../schema.ts'
import { statement } from '../statement.ts'
import { orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** One backfill. */
export type BackfillRow = Selectable<BackfillTable>
/** One date of a backfill. */
export type BackfillRunRow = Selectable<BackfillRunTable>

/** What a list of backfills can be ordered by. */
export const BACKFILL_ORDER = { id: 'id', created_at: 'created_at', from_date: 'from_date' } as const

const openBackfills = statement(
  ({ skipLocked }) => `
  select b.*,
    (select count(*) from dag_run r where r.backfill_id = b.id and r.state in ('queued', 'running')) as active
  from backfill b join dag d on d.dag_id = b.dag_id
  where b.completed_at is null and b.is_paused = 0 and d.is_active = 1 and d.is_paused = 0
  order by b.id ${skipLocked('b')}`,
)

const datesAhead = statement(
  () => `
  select * from backfill_run where backfill_id = $1 and outcome is null order by ordinal limit $2`,
)

const insertDates = statement(
  ({ rows }) => `
  insert into backfill_run (backfill_id, ordinal, logical_date, data_interval_start, data_interval_end)
  select $2, in_ordinal, in_logical_date, in_start, in_end
  from ${rows(1, { in_ordinal: 'int', in_logical_date: 'int', in_start: 'int', in_end: 'int' })} as d where true`,
)

/** Inserts a backfill with its dates, in the order in which they are to run. Null when its Dag has an open one. */
export async function insertBackfill(
  tx: Tx,
  row: Omit<BackfillRow, 'id'>,
  dates: readonly NextDagRun[],
): Promise<number | null> {
  const inserted = await tx.query
    .insertInto('backfill')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst()
  if (inserted === undefined) return null
  const values = dates.map((date, index) => [index, date.logicalDate, date.dataIntervalStart, date.dataIntervalEnd])
  await tx.all(insertDates, [JSON.stringify(values), inserted.id])
  return inserted.id
}

/** A backfill that may go on, and how many of its runs are active. */
export type OpenBackfill = BackfillRow & { readonly active: number }

/** Backfills that may go on, held by this transaction. */
export async function holdOpenBackfills(tx: Tx): Promise<readonly OpenBackfill[]> {
  const rows = await tx.all<OpenBackfill>(openBackfills)
  return rows.map((row) => ({ ...row, active: Number(row.active) }))
}

/** The next dates of a backfill. */
export function readDatesAhead(tx: Tx, backfillId: number, limit: number): Promise<BackfillRunRow[]> {
  return tx.all<BackfillRunRow>(datesAhead, [backfillId, limit])
}

/** Runs of a Dag by their logical date, among these dates. */
export async function readRunsByDate(
  tx: Tx,
  dagId: string,
  span: { readonly from: number; readonly to: number },
): Promise<ReadonlyMap<number, { readonly run_key: number; readonly run_id: string; readonly state: DagRunState }>> {
  const rows = await tx.query
    .selectFrom('dag_run')
    .select(['run_key', 'run_id', 'state', 'logical_date'])
    .where('dag_id', '=', dagId)
    .where('logical_date', '>=', span.from)
    .where('logical_date', '<=', span.to)
    .execute()
  return new Map(rows.flatMap(({ logical_date: date, ...run }) => (date === null ? [] : [[date, run] as const])))
}

/** Says what became of a date. */
export async function settleDate(
  { query }: Tx,
  date: Pick<BackfillRunRow, 'backfill_id' | 'ordinal'>,
  became: { readonly outcome: NonNullable<BackfillRunRow['outcome']>; readonly runId: string | null },
): Promise<void> {
  await query
    .updateTable('backfill_run')
    .set({ outcome: became.outcome, run_id: became.runId })
    .where('backfill_id', '=', date.backfill_id)
    .where('ordinal', '=', date.ordinal)
    .execute()
}

/** Makes a run one of a backfill. */
export async function joinBackfill(
  { query }: Tx,
  runKey: number,
  backfill: Pick<BackfillRow, 'id' | 'conf'>,
): Promise<void> {
  await query
    .updateTable('dag_run')
    .set({ backfill_id: backfill.id, run_type: 'backfill', conf: backfill.conf })
    .where('run_key', '=', runKey)
    .execute()
}

/** Changes a backfill that is not over; false when it is, or there is none. */
export async function changeOpenBackfill(
  { query }: Tx,
  id: number,
  change: Partial<Pick<BackfillRow, 'is_paused' | 'completed_at' | 'updated_at'>>,
): Promise<boolean> {
  const changed = query.updateTable('backfill').set(change).where('id', '=', id).where('completed_at', 'is', null)
  return (await changed.returning('id').executeTakeFirst()) !== undefined
}

/** Gives up the dates that lie ahead. Answers how many. */
export async function cancelDatesAhead({ query }: Tx, id: number): Promise<number> {
  const cancelled = await query
    .updateTable('backfill_run')
    .set({ outcome: 'cancelled' })
    .where('backfill_id', '=', id)
    .where('outcome', 'is', null)
    .returning('ordinal')
    .execute()
  return cancelled.length
}

/** Runs of a backfill that have not started. */
export async function readQueuedRunKeys({ query }: Tx, id: number): Promise<readonly number[]> {
  const rows = await query
    .selectFrom('dag_run')
    .select('run_key')
    .where('backfill_id', '=', id)
    .where('state', '=', 'queued')
    .execute()
  return rows.map((row) => row.run_key)
}

/** One backfill. */
export function findBackfill(db: Kysely<Schema>, id: number): Promise<BackfillRow | undefined> {
  return db.selectFrom('backfill').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The backfill of a Dag that is not over. */
export function findOpenBackfill(db: Kysely<Schema>, dagId: string): Promise<BackfillRow | undefined> {
  return db
    .selectFrom('backfill')
    .selectAll()
    .where('dag_id', '=', dagId)
    .where('completed_at', 'is', null)
    .executeTakeFirst()
}

/** How far a backfill is: its dates by what became of them, and its runs by state. */
export async function readProgress(db: Kysely<Schema>, id: number): Promise<ReadonlyMap<string, number>> {
  const dates = await db
    .selectFrom('backfill_run')
    .select((eb) => ['outcome', eb.fn.countAll().as('total')])
    .where('backfill_id', '=', id)
    .groupBy('outcome')
    .execute()
  const runs = await db
    .selectFrom('dag_run')
    .select((eb) => ['state', eb.fn.countAll().as('total')])
    .where('backfill_id', '=', id)
    .groupBy('state')
    .execute()
  return new Map([
    ...dates.map(({ outcome, total }) => [outcome ?? 'ahead', Number(total)] as const),
    ...runs.map(({ state, total }) => [state, Number(total)] as const),
  ])
}

/** A page of backfills. */
export async function listBackfills(
  db: Kysely<Schema>,
  filter: { readonly dagId: string | undefined; readonly isActive: boolean | undefined },
  page: Page,
): Promise<Paged<BackfillRow>> {
  let matching = db.selectFrom('backfill')
  if (filter.dagId !== undefined) matching = matching.where('dag_id', '=', filter.dagId)
  if (filter.isActive !== undefined) {
    matching = matching.where('completed_at', filter.isActive ? 'is' : 'is not', null)
  }
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let ordered = matching.selectAll()
  for (const [column, direction] of orderTerms(page, BACKFILL_ORDER)) ordered = ordered.orderBy(column, direction)
  const rows = await ordered.orderBy('id').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** How long the newest successful runs of a Dag took, in milliseconds. */
export async function readRunDurations(db: Kysely<Schema>, dagId: string, limit: number): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('dag_run')
    .select(['started_at', 'ended_at'])
    .where('dag_id', '=', dagId)
    .where('state', '=', 'success')
    .orderBy('run_key', 'desc')
    .limit(limit)
    .execute()
  return rows.flatMap(({ started_at: start, ended_at: end }) => (start === null || end === null ? [] : [end - start]))
}
