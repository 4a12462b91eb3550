/** The parts of the API's answers that commands read; the rest passes through to `--output json`. */

/** See DAGResponse. */
export interface DagRow {
  readonly dag_id: string
  readonly is_paused: boolean
  readonly relative_fileloc: string | null
  readonly timetable_summary: string | null
  readonly next_dagrun_run_after: string | null
  readonly tags: ReadonlyArray<{ readonly name: string }>
}

/** See DAGRunResponse. */
export interface RunRow {
  readonly dag_id: string
  readonly dag_run_id: string
  readonly state: string
  readonly run_type: string
  readonly run_after: string
  readonly start_date: string | null
  readonly end_date: string | null
  readonly duration: number | null
}

/** See TaskResponse. */
export interface TaskRow {
  readonly task_id: string
  readonly trigger_rule: string | null
  readonly operator_name: string | null
  readonly retries: number | null
  readonly downstream_task_ids: readonly string[] | null
}

/** See TaskInstanceResponse. */
export interface TaskInstanceRow {
  readonly task_id: string
  readonly map_index: number
  readonly state: string | null
  readonly try_number: number
  readonly executor: string | null
  readonly start_date: string | null
  readonly end_date: string | null
  readonly duration: number | null
  readonly failure: { readonly cause: string; readonly error: { readonly message: string } | null } | null
}

/** How an executor fares, over all schedulers or in one. */
export interface ExecutorStanding {
  readonly status: string
  readonly since: string | null
  readonly reason: string | null
  readonly failures: number
  readonly next_try_at: string | null
  readonly last_failure: { readonly at: string; readonly method: string; readonly reason: string } | null
  readonly parallelism: number
}

/** See ExecutorResponse. */
export interface ExecutorRow extends ExecutorStanding {
  readonly name: string
  readonly class_name: string | null
  readonly is_default: boolean
  readonly open_slots: number
  readonly waiting: number
  readonly queued: number
  readonly running: number
  readonly stopping: number
  readonly remarks: readonly string[]
  readonly schedulers: ReadonlyArray<
    ExecutorStanding & {
      readonly hostname: string
      readonly pid: number
      readonly held: number
      readonly updated_at: string
    }
  >
}

/** See ExecutorDrainResponse. */
export interface DrainRow {
  readonly executor: string
  readonly moved: number
  readonly waiting: number
  readonly queued: number
  readonly running: number
  readonly stopping: number
  readonly staying: ReadonlyArray<{
    readonly dag_id: string
    readonly task_id: string
    readonly count: number
    readonly reason: string
  }>
  readonly unconfirmed: number
  readonly is_done: boolean
  readonly remarks: readonly string[]
}

/** Path of an executor, or of something of it. */
export function executorPath(name: string, rest = ''): string {
  return `/api/v2/executors/${encodeURIComponent(name)}${rest}`
}

/** Path of a Dag, or of something of it. */
export function dagPath(dagId: string, rest = ''): string {
  return `/api/v2/dags/${encodeURIComponent(dagId)}${rest}`
}

/** Path of a run, or of something of it. */
export function runPath(dagId: string, runId: string, rest = ''): string {
  return dagPath(dagId, `/dagRuns/${encodeURIComponent(runId)}${rest}`)
}

/** Path of a task instance, or of something of it. */
export function taskInstancePath(ids: { dagId: string; runId: string; taskId: string }, rest = ''): string {
  return runPath(ids.dagId, ids.runId, `/taskInstances/${encodeURIComponent(ids.taskId)}${rest}`)
}

/** Seconds as people say them. */
export function durationText(seconds: number | null): string {
  if (seconds === null) return ''
  if (seconds < 60) return `${seconds.toFixed(2)}s`
  const whole = Math.round(seconds)
  return whole < 3600
    ? `${Math.floor(whole / 60)}m${whole % 60}s`
    : `${Math.floor(whole / 3600)}h${Math.floor((whole % 3600) / 60)}m`
}
