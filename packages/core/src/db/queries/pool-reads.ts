import { sql, type Kysely, type Selectable } from 'kysely'
import type { PoolTable, Schema } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** A pool, and the slots of it that are taken and asked for. */
export interface PoolWithUse extends Selectable<PoolTable> {
  /** Of every process that is not known to be gone. */
  readonly occupied: number
  /** Of those that have not begun. */
  readonly queued: number
  readonly scheduled: number
}

/** Names by which lists of pools can be ordered. */
export const POOL_ORDER = { id: 'name', name: 'name', slots: 'slots' } as const

/** A page of pools. */
export async function listPools(
  db: Kysely<Schema>,
  namePattern: string | undefined,
  page: Page,
): Promise<Paged<PoolWithUse>> {
  let matching = db.selectFrom('pool')
  if (namePattern !== undefined) matching = matching.where((eb) => matchesPattern(eb.ref('name'), namePattern))
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching.selectAll()
  for (const [column, direction] of orderTerms(page, POOL_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('name').limit(page.limit).offset(page.offset).execute()
  return { rows: await withUse(db, rows), total: totalOf(count) }
}

/** One pool by its name. */
export async function readPool(db: Kysely<Schema>, name: string): Promise<PoolWithUse | null> {
  const rows = await db.selectFrom('pool').selectAll().where('name', '=', name).execute()
  return (await withUse(db, rows))[0] ?? null
}

async function withUse(db: Kysely<Schema>, rows: readonly Selectable<PoolTable>[]): Promise<readonly PoolWithUse[]> {
  const taken = await takenSlots(db)
  const scheduled = await scheduledSlots(db)
  return rows.map((row) => {
    const { occupied, queued } = taken.get(row.name) ?? { occupied: 0, queued: 0 }
    return { ...row, occupied, queued, scheduled: scheduled.get(row.name) ?? 0 }
  })
}

async function takenSlots(db: Kysely<Schema>): Promise<ReadonlyMap<string, { occupied: number; queued: number }>> {
  const rows = await db
    .selectFrom('dispatch as p')
    .leftJoin('task_instance as ti', (join) =>
      join
        .onRef('ti.run_key', '=', 'p.run_key')
        .onRef('ti.task_index', '=', 'p.task_index')
        .onRef('ti.map_index', '=', 'p.map_index')
        .onRef('ti.dispatch_id', '=', 'p.dispatch_id')
        .on('ti.state', '=', 'queued'),
    )
    .select('p.pool')
    .select(sql`sum(p.pool_slots)`.as('occupied'))
    .select(sql`sum(case when ti.id is null then 0 else p.pool_slots end)`.as('queued'))
    .groupBy('p.pool')
    .execute()
  return new Map(rows.map((row) => [row.pool, { occupied: Number(row.occupied), queued: Number(row.queued) }]))
}

/** Only what is scheduled has a place in a window or is refused one. */
async function scheduledSlots(db: Kysely<Schema>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('task_instance')
    .select('pool')
    .select(sql`sum(pool_slots)`.as('slots'))
    .where('is_admissible', 'is not', null)
    .where('state', '=', 'scheduled')
    .groupBy('pool')
    .execute()
  return new Map(rows.map((row) => [row.pool, Number(row.slots)]))
}
