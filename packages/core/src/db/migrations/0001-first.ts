import type { SqlFragments } from '../dialect/dialect.ts'

/**
 * The first tables. Partial indexes keep each hot question as large as its answer. No index
 * knows the state of a task instance, so that PostgreSQL need not write its indexes when it starts and ends (heap-only
 * updates); what runs is found through its dispatch.
 */
export function firstMigration({ bigint, identity, updatedInPlace }: SqlFragments): readonly string[] {
  return [
    ...dagTables(bigint),
    ...runTables(bigint, identity, updatedInPlace),
    ...taskInstanceTables(bigint, updatedInPlace),
    ...otherTables(bigint, identity),
  ]
}

function dagTables(bigint: string): readonly string[] {
  return [
    `create table dag (
      dag_id text primary key, bundle_name text not null, file text not null,
      is_active integer not null, is_paused integer not null, version_id text not null,
      description text, tags text not null, schedule text not null,
      max_active_runs integer not null, max_active_tasks integer not null,
      next_logical_date ${bigint}, next_interval_start ${bigint}, next_interval_end ${bigint}, next_run_after ${bigint},
      running_runs integer not null, queued_runs integer not null,
      first_seen_at ${bigint} not null, last_parsed_at ${bigint} not null)`,
    `create index dag_due on dag (next_run_after) where next_run_after is not null and is_active = 1 and is_paused = 0`,
    `create index dag_with_queued_runs on dag (dag_id) where queued_runs > 0`,
    `create index dag_file on dag (bundle_name, file)`,
    `create table dag_version (
      id text primary key, dag_id text not null, version_number integer not null, hash text not null,
      bundle_name text not null, file text not null, spec text not null, created_at ${bigint} not null,
      unique (dag_id, version_number), unique (dag_id, hash))`,
    `create table import_error (
      bundle_name text not null, file text not null, kind text not null, message text not null,
      line integer, column_number integer, stack text, at ${bigint} not null, primary key (bundle_name, file))`,
  ]
}

function runTables(bigint: string, identity: string, updatedInPlace: string): readonly string[] {
  return [
    `create table dag_run (
      run_key ${identity}, dag_id text not null, run_id text not null, run_type text not null, state text not null,
      logical_date ${bigint}, data_interval_start ${bigint}, data_interval_end ${bigint}, run_after ${bigint} not null,
      queued_at ${bigint} not null, started_at ${bigint}, ended_at ${bigint}, conf text, version_id text not null,
      triggered_by text not null, note text, max_active_tasks integer not null, order_date ${bigint} not null,
      unfinished integer not null, active integer not null, waiting integer not null, failed_leaves integer not null,
      is_windowed integer not null, unique (dag_id, run_id))${updatedInPlace}`,
    `create unique index dag_run_logical_date on dag_run (dag_id, logical_date) where logical_date is not null`,
    `create index dag_run_queued on dag_run (dag_id, run_after) where state = 'queued'`,
    `create index dag_run_state on dag_run (dag_id, state)`,
  ]
}

const TASK_INSTANCE_COLUMNS = (bigint: string): string => `
      id text primary key, run_key ${bigint} not null, task_index integer not null, map_index integer not null,
      dag_id text not null, run_id text not null, task_id text not null, state text not null,
      try_number integer not null, max_tries integer not null, dispatch_id text, executor text not null,
      queue text not null, priority_weight integer not null, priority integer not null, order_date ${bigint} not null,
      is_admissible integer, is_leaf integer not null,
      up_success integer not null, up_failed integer not null, up_upstream_failed integer not null,
      up_skipped integer not null, up_removed integer not null,
      up_setup_success integer not null, up_setup_skipped integer not null,
      ready_at ${bigint}, launch_attempts integer not null,
      scheduled_at ${bigint}, queued_at ${bigint}, started_at ${bigint}, ended_at ${bigint}, heartbeat_at ${bigint},
      hostname text, unixname text, pid integer, nonce text, external_id text, cause text, exit text, error text`

function taskInstanceTables(bigint: string, updatedInPlace: string): readonly string[] {
  return [
    `create table task_instance (${TASK_INSTANCE_COLUMNS(bigint)}, unique (run_key, task_index, map_index))${updatedInPlace}`,
    `create index task_instance_admissible
      on task_instance (executor, priority desc, order_date, run_key, task_index, map_index)
      where is_admissible = 1`,
    `create index task_instance_window
      on task_instance (run_key, is_admissible, executor, priority desc, task_index, map_index)
      where is_admissible is not null`,
    `create index task_instance_ready on task_instance (ready_at) where ready_at is not null`,
    `create table task_instance_history (${TASK_INSTANCE_COLUMNS(bigint)})`,
    `create index task_instance_history_tries on task_instance_history (run_key, task_index, map_index, try_number)`,
    `create table dispatch (
      dispatch_id text primary key, task_instance_id text not null, run_key ${bigint} not null,
      task_index integer not null, map_index integer not null, executor text not null, scheduler_id text not null,
      created_at ${bigint} not null, external_id text)`,
    `create table xcom (
      run_key ${bigint} not null, task_id text not null, map_index integer not null, key text not null,
      value text not null, created_at ${bigint} not null, primary key (run_key, task_id, map_index, key))`,
  ]
}

function otherTables(bigint: string, identity: string): readonly string[] {
  return [
    `create table scheduler (
      id text primary key, hostname text not null, pid integer not null,
      started_at ${bigint} not null, renewed_at ${bigint} not null, expires_at ${bigint} not null)`,
    `create table executor_row (executor text not null, key text not null, value text not null, primary key (executor, key))`,
    `create table audit_log (
      seq ${identity}, at ${bigint} not null, event text not null, actor text not null,
      dag_id text, run_id text, task_id text, map_index integer, try_number integer, dispatch_id text,
      from_state text, to_state text, detail text)`,
    `create index audit_log_run on audit_log (dag_id, run_id)`,
    `create table account (
      username text primary key, password_hash text not null, role text not null, created_at ${bigint} not null)`,
  ]
}
