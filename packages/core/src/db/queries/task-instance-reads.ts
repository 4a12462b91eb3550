import type { Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import type { Schema, TaskInstanceTable } from '../schema.ts'
import { matchesPattern, orderTerms, totalOf, type Page, type Paged } from './page.ts'

/** What lists of task instances can be narrowed by. */
export interface TaskInstanceFilter {
  /** Null for every Dag. */
  readonly dagId: string | null
  /** Null for every run. */
  readonly runId: string | null
  readonly taskId?: string | undefined
  readonly taskIdPattern?: string | undefined
  readonly dagIdPattern?: string | undefined
  readonly runIdPattern?: string | undefined
  /** `none` stands for no state. */
  readonly states?: readonly string[] | undefined
  readonly executors?: readonly string[] | undefined
  readonly pools?: readonly string[] | undefined
  readonly queues?: readonly string[] | undefined
  readonly tryNumbers?: readonly number[] | undefined
  readonly mapIndexes?: readonly number[] | undefined
}

/** A try of a task instance with the facts of its run. */
export type TaskInstanceRow = Selectable<TaskInstanceTable> & RunFacts

interface RunFacts {
  readonly version_id: string
  readonly run_after: number
  readonly logical_date: number | null
}

/** Names by which lists of task instances can be ordered. */
export const TASK_INSTANCE_ORDER = {
  id: 'task_instance.id',
  state: 'task_instance.state',
  dag_id: 'task_instance.dag_id',
  run_id: 'task_instance.run_id',
  task_id: 'task_instance.task_id',
  task_display_name: 'task_instance.task_id',
  map_index: 'task_instance.map_index',
  start_date: 'task_instance.started_at',
  end_date: 'task_instance.ended_at',
  queued_when: 'task_instance.queued_at',
  scheduled_when: 'task_instance.scheduled_at',
  try_number: 'task_instance.try_number',
  priority_weight: 'task_instance.priority_weight',
  logical_date: 'dag_run.logical_date',
  run_after: 'dag_run.run_after',
} as const

/** A page of task instances, each by its newest try. */
export async function listTaskInstances(
  db: Kysely<Schema>,
  filter: TaskInstanceFilter,
  page: Page,
): Promise<Paged<TaskInstanceRow>> {
  const matching = narrow(liveRows(db), filter)
  const count = await matching.select((eb) => eb.fn.countAll().as('total')).executeTakeFirst()
  let query = matching
    .selectAll('task_instance')
    .select(['dag_run.version_id', 'dag_run.run_after', 'dag_run.logical_date'])
  for (const [column, direction] of orderTerms(page, TASK_INSTANCE_ORDER)) query = query.orderBy(column, direction)
  const rows = await query
    .orderBy('task_instance.run_key')
    .orderBy('task_instance.task_index')
    .orderBy('task_instance.map_index')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  return { rows, total: totalOf(count) }
}

/** Identity of a task instance. */
export interface TaskInstanceKey {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly mapIndex: number
}

/** One task instance by its newest try. */
export function findTaskInstance(db: Kysely<Schema>, key: TaskInstanceKey): Promise<TaskInstanceRow | undefined> {
  return liveRows(db)
    .selectAll('task_instance')
    .select(['dag_run.version_id', 'dag_run.run_after', 'dag_run.logical_date'])
    .where('task_instance.dag_id', '=', key.dagId)
    .where('task_instance.run_id', '=', key.runId)
    .where('task_instance.task_id', '=', key.taskId)
    .where('task_instance.map_index', '=', key.mapIndex)
    .executeTakeFirst()
}

/** Every task instance of these runs. */
export function listTaskInstancesOfRuns(db: Kysely<Schema>, runKeys: readonly number[]): Promise<TaskInstanceRow[]> {
  if (runKeys.length === 0) return Promise.resolve([])
  return liveRows(db)
    .selectAll('task_instance')
    .select(['dag_run.version_id', 'dag_run.run_after', 'dag_run.logical_date'])
    .where('task_instance.run_key', 'in', [...runKeys])
    .orderBy('task_instance.run_key')
    .orderBy('task_instance.task_index')
    .orderBy('task_instance.map_index')
    .execute()
}

/** Every try of a task instance, ended ones first. */
export async function listTries(db: Kysely<Schema>, key: TaskInstanceKey): Promise<readonly TaskInstanceRow[]> {
  const live = await findTaskInstance(db, key)
  if (live === undefined) return []
  const ended = await db
    .selectFrom('task_instance_history')
    .selectAll()
    .where('run_key', '=', live.run_key)
    .where('task_index', '=', live.task_index)
    .where('map_index', '=', live.map_index)
    .orderBy('try_number')
    .orderBy('id')
    .execute()
  const facts = { version_id: live.version_id, run_after: live.run_after, logical_date: live.logical_date }
  return [...ended.map((row) => ({ ...row, ...facts })), live]
}

type LiveQuery = SelectQueryBuilder<Schema, 'task_instance' | 'dag_run', object>

function liveRows(db: Kysely<Schema>): LiveQuery {
  return db.selectFrom('task_instance').innerJoin('dag_run', 'dag_run.run_key', 'task_instance.run_key')
}

function narrow(query: LiveQuery, filter: TaskInstanceFilter): LiveQuery {
  const { dagId, runId, taskId } = filter
  let narrowed = query
  if (dagId !== null) narrowed = narrowed.where('task_instance.dag_id', '=', dagId)
  if (runId !== null) narrowed = narrowed.where('task_instance.run_id', '=', runId)
  if (taskId !== undefined) narrowed = narrowed.where('task_instance.task_id', '=', taskId)
  return narrowByLists(narrowByPatterns(narrowed, filter), filter)
}

function narrowByPatterns(query: LiveQuery, filter: TaskInstanceFilter): LiveQuery {
  const { taskIdPattern, dagIdPattern, runIdPattern } = filter
  let narrowed = query
  if (taskIdPattern !== undefined)
    narrowed = narrowed.where((eb) => matchesPattern(eb.ref('task_instance.task_id'), taskIdPattern))
  if (dagIdPattern !== undefined)
    narrowed = narrowed.where((eb) => matchesPattern(eb.ref('task_instance.dag_id'), dagIdPattern))
  if (runIdPattern !== undefined)
    narrowed = narrowed.where((eb) => matchesPattern(eb.ref('task_instance.run_id'), runIdPattern))
  return narrowed
}

const LISTS = [
  ['states', 'task_instance.state'],
  ['executors', 'task_instance.executor'],
  ['pools', 'task_instance.pool'],
  ['queues', 'task_instance.queue'],
  ['tryNumbers', 'task_instance.try_number'],
  ['mapIndexes', 'task_instance.map_index'],
] as const

function narrowByLists(query: LiveQuery, filter: TaskInstanceFilter): LiveQuery {
  let narrowed = query
  for (const [name, column] of LISTS) {
    const wanted = filter[name] ?? []
    if (wanted.length === 0) continue
    narrowed = narrowed.where((eb) => eb(eb.ref(column).$castTo<string | number>(), 'in', [...wanted]))
  }
  return narrowed
}
