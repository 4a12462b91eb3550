import type { SqlFragments } from '../dialect/dialect.ts'

/** Stop requests of hand-overs, and how often somebody changed a run by hand. */
export function stopRequestsMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `alter table dispatch add column stop_requested_at ${bigint}`,
    `alter table dispatch add column stop_reason text`,
    `create index dispatch_stopping on dispatch (scheduler_id) where stop_requested_at is not null`,
    `create index dispatch_run on dispatch (run_key)`,
    `alter table dag_run add column rewrites integer not null default 0`,
  ]
}
