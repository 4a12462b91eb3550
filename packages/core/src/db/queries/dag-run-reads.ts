import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import type { DagRunTable, Schema } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** A span of moments: at least, more than, at most, less than. */
export interface Span {
  readonly gte?: number | undefined
  readonly gt?: number | undefined
  readonly lte?: number | undefined
  readonly lt?: number | undefined
}

/** What lists of Dag runs can be narrowed by. */
export interface DagRunFilter {
  /** Null for the runs of every Dag. */
  readonly dagId: string | null
  readonly dagIdPattern?: string | undefined
  readonly runIdPattern?: string | undefined
  readonly states?: readonly string[] | undefined
  readonly runTypes?: readonly string[] | undefined
  readonly runAfter?: Span | undefined
  readonly logicalDate?: Span | undefined
  readonly startDate?: Span | undefined
  readonly endDate?: Span | undefined
}

/** A Dag run. */
export type DagRunRow = Selectable<DagRunTable>

/** Names by which lists of Dag runs can be ordered. */
export const DAG_RUN_ORDER = {
  id: 'run_key',
  state: 'state',
  dag_id: 'dag_id',
  run_id: 'run_id',
  dag_run_id: 'run_id',
  logical_date: 'logical_date',
  run_after: 'run_after',
  start_date: 'started_at',
  end_date: 'ended_at',
  run_type: 'run_type',
} as const

/** A page of Dag runs. */
export async function listDagRuns(db: Kysely<Schema>, filter: DagRunFilter, page: Page): Promise<Paged<DagRunRow>> {
  const matching = narrow(db.selectFrom('dag_run'), filter)
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching.selectAll()
  for (const [column, direction] of orderTerms(page, DAG_RUN_ORDER)) query = query.orderBy(column, direction)
  const rows = await query.orderBy('run_key').limit(page.limit).offset(page.offset).execute()
  return { rows, total: totalOf(count) }
}

/** One Dag run. */
export function findDagRun(db: Kysely<Schema>, dagId: string, runId: string): Promise<DagRunRow | undefined> {
  return db.selectFrom('dag_run').selectAll().where('dag_id', '=', dagId).where('run_id', '=', runId).executeTakeFirst()
}

type RunQuery = SelectQueryBuilder<Schema, 'dag_run', object>

const SPANS = [
  ['runAfter', 'run_after'],
  ['logicalDate', 'logical_date'],
  ['startDate', 'started_at'],
  ['endDate', 'ended_at'],
] as const

const COMPARISONS = [
  ['gte', '>='],
  ['gt', '>'],
  ['lte', '<='],
  ['lt', '<'],
] as const

function narrow(query: RunQuery, filter: DagRunFilter): RunQuery {
  const { dagId, dagIdPattern, runIdPattern, states = [], runTypes = [] } = filter
  let narrowed = query
  if (dagId !== null) narrowed = narrowed.where('dag_id', '=', dagId)
  if (dagIdPattern !== undefined) narrowed = narrowed.where((eb) => matchesPattern(eb.ref('dag_id'), dagIdPattern))
  if (runIdPattern !== undefined) narrowed = narrowed.where((eb) => matchesPattern(eb.ref('run_id'), runIdPattern))
  if (states.length > 0) narrowed = narrowed.where((eb) => eb(eb.ref('state').$castTo<string>(), 'in', [...states]))
  if (runTypes.length > 0) narrowed = narrowed.where('run_type', 'in', [...runTypes])
  return narrowBySpans(narrowed, filter)
}

function narrowBySpans(query: RunQuery, filter: DagRunFilter): RunQuery {
  let narrowed = query
  for (const [name, column] of SPANS) {
    for (const [bound, operator] of COMPARISONS) {
      const moment = filter[name]?.[bound]
      if (moment !== undefined) narrowed = narrowed.where(column, operator, moment)
    }
  }
  return narrowed
}

/** The run of that key. */
export function findDagRunByKey(db: Kysely<Schema>, runKey: number): Promise<DagRunRow | undefined> {
  return db.selectFrom('dag_run').selectAll().where('run_key', '=', runKey).executeTakeFirst()
}
