import type { Kysely, Selectable } from 'kysely'
import type { Tx } from '../database.ts'
import type { ExecutorStatusTable, Schema } from '../schema.ts'
import { statement } from '../statement.ts'

/** How executors fare: written by each scheduler for its own, read by everybody. */

const write = statement(
  ({ rows }) => `
  insert into executor_status
    (scheduler_id, executor, position, condition, last_failure, parallelism, held, facts, updated_at)
  select $2, in_executor, in_position, in_condition, in_last_failure, in_parallelism, in_held, in_facts, $3
  from ${rows(1, {
    in_executor: 'text',
    in_position: 'int',
    in_condition: 'text',
    in_last_failure: 'text',
    in_parallelism: 'int',
    in_held: 'int',
    in_facts: 'text',
  })} as d where true
  on conflict (scheduler_id, executor) do update set
    position = excluded.position, condition = excluded.condition, last_failure = excluded.last_failure,
    parallelism = excluded.parallelism, held = excluded.held, facts = excluded.facts, updated_at = excluded.updated_at`,
)

const forget = statement(
  () => `delete from executor_status where scheduler_id in (select id from scheduler where expires_at <= $1)`,
)

/** What a scheduler says of one of its executors. */
export type StatusOfExecutor = Omit<ExecutorStatusTable, 'scheduler_id' | 'updated_at'>

/** Writes what a scheduler says of its executors. */
export async function writeExecutorStatuses(
  tx: Tx,
  statuses: readonly StatusOfExecutor[],
  by: { schedulerId: string; now: number },
): Promise<void> {
  const values = statuses.map((s) => [
    s.executor,
    s.position,
    s.condition,
    s.last_failure,
    s.parallelism,
    s.held,
    s.facts,
  ])
  await tx.all(write, [JSON.stringify(values), by.schedulerId, by.now])
}

/** Forgets what schedulers said that are gone. */
export async function forgetDeadStatuses(tx: Tx, now: number): Promise<void> {
  await tx.all(forget, [now])
}

/** What a live scheduler says of one executor, and where that scheduler is. */
export interface LiveStatus extends Selectable<ExecutorStatusTable> {
  readonly hostname: string
  readonly pid: number
}

/** What live schedulers say of their executors, in the order of configuration. */
export function readLiveStatuses(db: Kysely<Schema>, now: number): Promise<LiveStatus[]> {
  return db
    .selectFrom('executor_status')
    .innerJoin('scheduler', 'scheduler.id', 'executor_status.scheduler_id')
    .where('scheduler.expires_at', '>', now)
    .selectAll('executor_status')
    .select(['scheduler.hostname', 'scheduler.pid'])
    .orderBy('executor_status.position')
    .orderBy('executor_status.scheduler_id')
    .execute()
}

/** What an executor has to do: waiting for it, handed to it, run by it, and being stopped on it. */
export interface ExecutorWork {
  readonly waiting: number
  readonly queued: number
  readonly running: number
  readonly stopping: number
}

/** The work of every executor that has any. The slots in use are `queued`, `running` and `stopping` together. */
export async function readExecutorWork(db: Kysely<Schema>): Promise<ReadonlyMap<string, ExecutorWork>> {
  const work = new Map<string, { -readonly [K in keyof ExecutorWork]: number }>()
  const of = (executor: string) => {
    const known = work.get(executor) ?? { waiting: 0, queued: 0, running: 0, stopping: 0 }
    work.set(executor, known)
    return known
  }
  const waiting = await db
    .selectFrom('task_instance')
    .select((eb) => ['executor', eb.fn.countAll<number>().as('count')])
    .where('is_admissible', 'is not', null)
    .groupBy('executor')
    .execute()
  for (const { executor, count } of waiting) of(executor).waiting = Number(count)
  for (const { executor, kind, count } of await readLeases(db)) of(executor)[kind] += Number(count)
  return work
}

type LeaseKind = 'queued' | 'running' | 'stopping'

/** Leases by executor. One whose task instance has moved on is of a process that is being stopped, or about to end. */
function readLeases(db: Kysely<Schema>): Promise<Array<{ executor: string; kind: LeaseKind; count: number }>> {
  return db
    .selectFrom('dispatch as p')
    .leftJoin('task_instance as ti', (join) =>
      join
        .onRef('ti.run_key', '=', 'p.run_key')
        .onRef('ti.task_index', '=', 'p.task_index')
        .onRef('ti.map_index', '=', 'p.map_index')
        .onRef('ti.dispatch_id', '=', 'p.dispatch_id')
        .on('ti.state', 'in', ['queued', 'running']),
    )
    .select((eb) => [
      'p.executor',
      eb.fn.coalesce('ti.state', eb.val('stopping')).$castTo<LeaseKind>().as('kind'),
      eb.fn.countAll<number>().as('count'),
    ])
    .groupBy(['p.executor', 'kind'])
    .execute()
}
