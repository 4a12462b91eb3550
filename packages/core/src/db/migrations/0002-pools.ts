import type { SqlFragments } from '../dialect/dialect.ts'

/**
 * Pools, and lanes: the gates of a task instance as one text, in the indexes where its executor was. What was created
 * before has the lane of its executor in the default pool.
 */
export function poolsMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `create table pool (name text primary key, slots integer not null, description text, include_deferred integer not null)`,
    ...['task_instance', 'task_instance_history'].flatMap(lanesOf),
    `drop index task_instance_admissible`,
    `create index task_instance_admissible
      on task_instance (lane, priority desc, order_date, run_key, task_index, map_index)
      where is_admissible = 1`,
    `drop index task_instance_window`,
    `create index task_instance_window
      on task_instance (run_key, is_admissible, lane, priority desc, task_index, map_index)
      where is_admissible is not null`,
    `alter table dispatch add column pool text not null default 'default_pool'`,
    `alter table dispatch add column pool_slots ${bigint} not null default 1`,
  ]
}

function lanesOf(table: string): readonly string[] {
  return [
    `alter table ${table} add column pool text not null default 'default_pool'`,
    `alter table ${table} add column pool_slots integer not null default 1`,
    `alter table ${table} add column lane text not null default ''`,
    `update ${table} set lane = '[["' || executor || '"],"unavailable","default_pool",1,null]'`,
  ]
}
