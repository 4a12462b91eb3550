import type { Kysely, Selectable } from 'kysely'
import type { Schema, XComTable } from '../schema.ts'
import { matchesPattern, totalOf, type Page, type Paged } from './page.ts'

/** An XCom with the ids of its run. */
export type XComRow = Selectable<XComTable> & {
  readonly dag_id: string
  readonly run_id: string
  readonly logical_date: number | null
  readonly run_after: number
}

/** What lists of XComs can be narrowed by; null means any. */
export interface XComFilter {
  readonly dagId: string | null
  readonly runId: string | null
  readonly taskId: string | null
  readonly key?: string | undefined
  readonly keyPattern?: string | undefined
  readonly mapIndex?: number | undefined
}

/** A page of XComs. */
export async function listXComs(db: Kysely<Schema>, filter: XComFilter, page: Page): Promise<Paged<XComRow>> {
  const { dagId, runId, taskId, key, keyPattern, mapIndex } = filter
  let matching = db.selectFrom('xcom').innerJoin('dag_run', 'dag_run.run_key', 'xcom.run_key')
  if (dagId !== null) matching = matching.where('dag_run.dag_id', '=', dagId)
  if (runId !== null) matching = matching.where('dag_run.run_id', '=', runId)
  if (taskId !== null) matching = matching.where('xcom.task_id', '=', taskId)
  if (key !== undefined) matching = matching.where('xcom.key', '=', key)
  if (keyPattern !== undefined) matching = matching.where((eb) => matchesPattern(eb.ref('xcom.key'), keyPattern))
  if (mapIndex !== undefined) matching = matching.where('xcom.map_index', '=', mapIndex)
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  const rows = await matching
    .selectAll('xcom')
    .select(['dag_run.dag_id', 'dag_run.run_id', 'dag_run.logical_date', 'dag_run.run_after'])
    .orderBy('xcom.run_key')
    .orderBy('xcom.task_id')
    .orderBy('xcom.map_index')
    .orderBy('xcom.key')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  return { rows, total: totalOf(count) }
}

/** The value at one key, as JSON text. */
export function findXComValue(
  db: Kysely<Schema>,
  at: {
    readonly dagId: string
    readonly runId: string
    readonly taskId: string
    readonly mapIndex: number
    readonly key: string
  },
): Promise<{ value: string } | undefined> {
  return db
    .selectFrom('xcom')
    .innerJoin('dag_run', 'dag_run.run_key', 'xcom.run_key')
    .select('xcom.value')
    .where('dag_run.dag_id', '=', at.dagId)
    .where('dag_run.run_id', '=', at.runId)
    .where('xcom.task_id', '=', at.taskId)
    .where('xcom.map_index', '=', at.mapIndex)
    .where('xcom.key', '=', at.key)
    .executeTakeFirst()
}
