import type { SqlFragments } from '../dialect/dialect.ts'

/** Backfills, and the dates that each has yet to run. */
export function backfillsMigration({ bigint, identity }: SqlFragments): readonly string[] {
  return [
    `create table backfill (
      id ${identity}, dag_id text not null, from_date ${bigint} not null, to_date ${bigint} not null,
      is_reversed integer not null, reprocess_behavior text not null, max_active_runs integer not null, conf text,
      is_paused integer not null, created_by text not null, created_at ${bigint} not null,
      updated_at ${bigint} not null, completed_at ${bigint})`,
    `create unique index backfill_open on backfill (dag_id) where completed_at is null`,
    `create table backfill_run (
      backfill_id ${bigint} not null, ordinal integer not null, logical_date ${bigint} not null,
      data_interval_start ${bigint} not null, data_interval_end ${bigint} not null, outcome text, run_id text,
      primary key (backfill_id, ordinal))`,
    `create index backfill_run_ahead on backfill_run (backfill_id, ordinal) where outcome is null`,
    `alter table dag_run add column backfill_id ${bigint}`,
    `create index dag_run_of_backfill on dag_run (backfill_id, state) where backfill_id is not null`,
  ]
}
