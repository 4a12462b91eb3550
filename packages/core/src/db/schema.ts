import type { DagRunState, TaskInstanceState } from '@fairlead/protocol'
import type { Generated } from 'kysely'
import type { ReprocessBehavior } from '../model/backfill-plan.ts'

/**
 * The tables, as both engines have them. Moments are integers, milliseconds since the epoch. Truth values are 0 or 1.
 * JSON is text. A task is addressed by its index in the spec of its run's version: below 0 when that does not have it.
 */

/** One Dag, by its newest version. */
export interface DagTable {
  dag_id: string
  bundle_name: string
  file: string
  is_active: number
  is_paused: number
  version_id: string
  description: string | null
  /** JSON array of strings. */
  tags: string
  /** JSON of a Schedule. */
  schedule: string
  max_active_runs: number
  max_active_tasks: number
  /** The next run to create, or nulls when there is none. */
  next_logical_date: number | null
  next_interval_start: number | null
  next_interval_end: number | null
  next_run_after: number | null
  /** Runs that are running; the gate of `max_active_runs`. */
  running_runs: number
  /** Runs that are queued. */
  queued_runs: number
  first_seen_at: number
  last_parsed_at: number
}

/** One version of a Dag: what a run is pinned to. Never changes. */
export interface DagVersionTable {
  id: string
  dag_id: string
  version_number: number
  hash: string
  bundle_name: string
  file: string
  /** JSON of a DagSpec. */
  spec: string
  created_at: number
}

/** Why a Dag file could not be loaded. */
export interface ImportErrorTable {
  bundle_name: string
  file: string
  kind: string
  message: string
  line: number | null
  column_number: number | null
  stack: string | null
  at: number
}

/** One run of a Dag. */
export interface DagRunTable {
  run_key: Generated<number>
  dag_id: string
  run_id: string
  run_type: string
  state: DagRunState
  logical_date: number | null
  data_interval_start: number | null
  data_interval_end: number | null
  run_after: number
  queued_at: number
  started_at: number | null
  ended_at: number | null
  conf: string | null
  version_id: string
  triggered_by: string
  note: string | null
  max_active_tasks: number
  /** Orders runs of equal priority: the logical date, else when it was to run. */
  order_date: number
  /** Task instances that are not settled. */
  unfinished: number
  /** Task instances that are queued or running. */
  active: number
  /** Task instances that are scheduled. */
  waiting: number
  /** Settled leaves that failed: they fail the run. */
  failed_leaves: number
  /** How often task instances of it were cleared or marked: once they were, it may go on anywhere when it starts. */
  rewrites: Generated<number>
  /** 1 while more is scheduled than the run may have active, so that only the first of them are admissible. */
  is_windowed: number
  /** The backfill that it belongs to. */
  backfill_id: number | null
}

/** One task in one run: the live row, or in the history table an ended try. */
export interface TaskInstanceTable {
  id: string
  run_key: number
  task_index: number
  map_index: number
  dag_id: string
  run_id: string
  task_id: string
  state: TaskInstanceState
  try_number: number
  max_tries: number
  dispatch_id: string | null
  /** Where it went, or by its lane first goes. */
  executor: string
  queue: string
  priority_weight: number
  /** Priority weight plus what waiting has earned. */
  priority: number
  order_date: number
  /** Null unless scheduled; then 1 inside its run's window, 0 outside or while backing off. */
  is_admissible: number | null
  is_leaf: number
  up_success: number
  up_failed: number
  up_upstream_failed: number
  up_skipped: number
  up_removed: number
  up_setup_success: number
  up_setup_skipped: number
  /** Not before this moment: a retry's delay or the backoff after a launch that failed. */
  ready_at: number | null
  launch_attempts: number
  scheduled_at: number | null
  queued_at: number | null
  started_at: number | null
  ended_at: number | null
  heartbeat_at: number | null
  hostname: string | null
  unixname: string | null
  pid: number | null
  nonce: string | null
  external_id: string | null
  /** A FailureCause. */
  cause: string | null
  /** JSON of a WorkloadExit. */
  exit: string | null
  /** JSON of a TaskError. */
  error: string | null
  pool: string
  pool_slots: number
  /** Text of its Lane: while it waits, this says which executors and limits it waits for. */
  lane: string
}

/** Slots that task instances share over all Dags. */
export interface PoolTable {
  name: string
  /** -1 for as many as there are. */
  slots: number
  description: string | null
  /** 1 when deferred task instances keep their slots. */
  include_deferred: number
}

/** A hand-over to an executor: outbox and slot lease in one row, which lasts until the process is known to be gone. */
export interface DispatchTable {
  dispatch_id: string
  task_instance_id: string
  run_key: number
  task_index: number
  map_index: number
  executor: string
  scheduler_id: string
  created_at: number
  external_id: string | null
  /** Since when its process is to be stopped, whatever its task instance has become; null while it may run. */
  stop_requested_at: Generated<number | null>
  /** A StopReason. */
  stop_reason: Generated<string | null>
  pool: string
  pool_slots: number
}

/** A scheduler's lease. Who loses it writes nothing more. */
export interface SchedulerTable {
  id: string
  hostname: string
  pid: number
  started_at: number
  renewed_at: number
  expires_at: number
}

/** How one executor fares in one scheduler; gone with the scheduler. */
export interface ExecutorStatusTable {
  scheduler_id: string
  executor: string
  /** Its place in the configuration; the first one is the default. */
  position: number
  /** JSON of an ExecutorCondition. */
  condition: string
  /** JSON of an ExecutorFailure. */
  last_failure: string | null
  parallelism: number
  /** How many workloads it says it holds. */
  held: number
  /** JSON of its class's capabilities. */
  facts: string
  updated_at: number
}

/** An order to start nothing more on an executor; every scheduler follows it. */
export interface ExecutorDrainTable {
  executor: string
  move_to: string | null
  move_running: number
  /** 1 when slots are freed whose processes nobody can confirm to be gone. */
  is_forced: number
  actor: string
  started_at: number
  /** Task instances that it has sent elsewhere so far. */
  moved: number
}

/** An executor's own small rows. */
export interface ExecutorRowTable {
  executor: string
  key: string
  value: string
}

/** A value that one task hands to others. */
export interface XComTable {
  run_key: number
  task_id: string
  map_index: number
  key: string
  value: string
  created_at: number
}

/** Every move and every mutation, in order. */
export interface AuditLogTable {
  seq: Generated<number>
  at: number
  event: string
  actor: string
  dag_id: string | null
  run_id: string | null
  task_id: string | null
  map_index: number | null
  try_number: number | null
  dispatch_id: string | null
  from_state: string | null
  to_state: string | null
  detail: string | null
}

/** A value that people and tasks keep. */
export interface VariableTable {
  variable_key: string
  /** Encrypted. */
  value: string
  description: string | null
  updated_at: number
}

/** How to reach a system outside. */
export interface ConnectionTable {
  connection_id: string
  conn_type: string
  description: string | null
  host: string | null
  login: string | null
  /** Encrypted. */
  password: string | null
  schema_name: string | null
  port: number | null
  /** Encrypted JSON text. */
  extra: string | null
  updated_at: number
}

/** Runs of a Dag for dates that are past. Its dates are run one after another, as far as its limit allows. */
export interface BackfillTable {
  id: Generated<number>
  dag_id: string
  from_date: number
  to_date: number
  is_reversed: number
  reprocess_behavior: ReprocessBehavior
  max_active_runs: number
  conf: string | null
  is_paused: number
  created_by: string
  created_at: number
  updated_at: number
  completed_at: number | null
}

/** One date of a backfill; `outcome` is null while it lies ahead. */
export interface BackfillRunTable {
  backfill_id: number
  ordinal: number
  logical_date: number
  data_interval_start: number
  data_interval_end: number
  outcome: 'created' | 'reprocessed' | 'skipped' | 'cancelled' | null
  run_id: string | null
}

/** Someone who may log in. */
export interface AccountTable {
  username: string
  password_hash: string
  role: string
  created_at: number
}

/** What all processes of an installation must agree on. */
export interface InstallationFactTable {
  name: string
  value: string
  noted_at: number
}

/** A process that holds no lease and says now and then that it lives. */
export interface ComponentTable {
  id: string
  kind: string
  hostname: string
  pid: number
  started_at: number
  beat_at: number
}

/** How far the audit log has been told as traces, and by whom. */
export interface TraceExportTable {
  id: number
  seq: number
  holder: string
  held_until: number
}

/** All tables. */
export interface Schema {
  dag: DagTable
  dag_version: DagVersionTable
  import_error: ImportErrorTable
  dag_run: DagRunTable
  task_instance: TaskInstanceTable
  task_instance_history: TaskInstanceTable
  pool: PoolTable
  dispatch: DispatchTable
  scheduler: SchedulerTable
  executor_row: ExecutorRowTable
  executor_status: ExecutorStatusTable
  executor_drain: ExecutorDrainTable
  xcom: XComTable
  audit_log: AuditLogTable
  account: AccountTable
  installation_fact: InstallationFactTable
  component: ComponentTable
  variable: VariableTable
  backfill: BackfillTable
  backfill_run: BackfillRunTable
  connection: ConnectionTable
  trace_export: TraceExportTable
}
