import type { SqlFragments } from '../dialect/dialect.ts'

/** How executors fare in each scheduler, and which of them are to be drained. */
export function executorStatusMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `create table executor_status (
      scheduler_id text not null, executor text not null, position integer not null, condition text not null,
      last_failure text, parallelism integer not null, held integer not null, facts text not null,
      updated_at ${bigint} not null, primary key (scheduler_id, executor))`,
    `create table executor_drain (
      executor text primary key, move_to text, move_running integer not null, is_forced integer not null,
      actor text not null, started_at ${bigint} not null, moved integer not null)`,
  ]
}
