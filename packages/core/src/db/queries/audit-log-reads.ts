import type { Kysely, Selectable } from 'kysely'
import type { AuditLogTable, Schema } from '../schema.ts'
import { orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** One line of the audit log. */
export type AuditRow = Selectable<AuditLogTable>

/** What lists of the audit log can be narrowed by. */
export interface AuditFilter {
  readonly dagId?: string | undefined
  readonly runId?: string | undefined
  readonly taskId?: string | undefined
  readonly mapIndex?: number | undefined
  readonly tryNumber?: number | undefined
  readonly actor?: string | undefined
  readonly event?: string | undefined
  readonly includedEvents?: readonly string[] | undefined
  readonly excludedEvents?: readonly string[] | undefined
  readonly before?: number | undefined
  readonly after?: number | undefined
}

/** Names by which the audit log can be ordered. */
export const AUDIT_ORDER = {
  id: 'seq',
  event_log_id: 'seq',
  when: 'at',
  dttm: 'at',
  event: 'event',
  dag_id: 'dag_id',
  run_id: 'run_id',
  task_id: 'task_id',
  owner: 'actor',
} as const

/** A page of the audit log. */
export async function listAudit(db: Kysely<Schema>, filter: AuditFilter, page: Page): Promise<Paged<AuditRow>> {
  const { includedEvents = [], excludedEvents = [] } = filter
  let matching = db.selectFrom('audit_log')
  for (const [name, column] of EQUALITIES) {
    const wanted = filter[name]
    if (wanted !== undefined) matching = matching.where(column, '=', wanted)
  }
  if (includedEvents.length > 0) matching = matching.where('event', 'in', [...includedEvents])
  if (excludedEvents.length > 0) matching = matching.where('event', 'not in', [...excludedEvents])
  if (filter.before !== undefined) matching = matching.where('at', '<', filter.before)
  if (filter.after !== undefined) matching = matching.where('at', '>', filter.after)
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching.selectAll()
  for (const [column, direction] of orderTerms(page, AUDIT_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('seq').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** One line of the audit log. */
export function findAudit(db: Kysely<Schema>, seq: number): Promise<AuditRow | undefined> {
  return db.selectFrom('audit_log').selectAll().where('seq', '=', seq).executeTakeFirst()
}

const EQUALITIES = [
  ['dagId', 'dag_id'],
  ['runId', 'run_id'],
  ['taskId', 'task_id'],
  ['mapIndex', 'map_index'],
  ['tryNumber', 'try_number'],
  ['actor', 'actor'],
  ['event', 'event'],
] as const

/** The next lines after a place in the audit log, in order. */
export function readAuditAfter(db: Kysely<Schema>, seq: number, limit: number): Promise<AuditRow[]> {
  return db.selectFrom('audit_log').selectAll().where('seq', '>', seq).orderBy('seq').limit(limit).execute()
}

/** The place of the newest line; 0 when there is none. */
export async function newestAuditSeq(db: Kysely<Schema>): Promise<number> {
  const row = await db
    .selectFrom('audit_log')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .executeTakeFirst()
  return Number(row?.seq ?? 0)
}
