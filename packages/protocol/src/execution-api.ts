import { z } from 'zod'
import { DAG_RUN_STATES } from './states.ts'

/**
 * Bodies of the Task Execution API: paths, field names and status codes of Airflow 3 (section 7.5 of its study), so
 * that Airflow's own supervisor could be the client. Times are ISO 8601. What Airflow lacks is optional.
 */

/** `PATCH /execution/task-instances/{id}/run`, request. */
export const enterRunningSchema = z.object({
  state: z.literal('running'),
  hostname: z.string(),
  unixname: z.string(),
  pid: z.int(),
  start_date: z.string(),
})
/** See {@link enterRunningSchema}. */
export type EnterRunning = z.infer<typeof enterRunningSchema>

/** `PATCH /execution/task-instances/{id}/run`, response: what a task needs to know of its run. */
export const runContextSchema = z.object({
  dag_run: z.object({
    dag_id: z.string(),
    run_id: z.string(),
    logical_date: z.string().nullable(),
    data_interval_start: z.string().nullable(),
    data_interval_end: z.string().nullable(),
    run_after: z.string(),
    start_date: z.string().nullable(),
    end_date: z.string().nullable(),
    run_type: z.string(),
    state: z.enum(DAG_RUN_STATES),
    conf: z.record(z.string(), z.unknown()).nullable(),
    consumed_asset_events: z.array(z.unknown()),
  }),
  task_reschedule_count: z.int(),
  max_tries: z.int(),
  variables: z.array(z.unknown()),
  connections: z.array(z.unknown()),
  xcom_keys_to_clear: z.array(z.string()),
  should_retry: z.boolean(),
  /** W3C trace context of the attempt, Fairlead's addition; null where runs are not traced. */
  traceparent: z.string().nullish(),
})
/** See {@link runContextSchema}. */
export type RunContext = z.infer<typeof runContextSchema>

const exitSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('exited'), exitCode: z.int() }),
  z.object({
    kind: z.literal('signaled'),
    signal: z.string(),
    cause: z.enum(['v8_abort', 'out_of_memory_killed', 'killed_externally', 'crashed']),
  }),
  z.object({ kind: z.literal('timedOut'), timeoutMs: z.int() }),
  z.object({ kind: z.literal('cancelled'), detail: z.string() }),
  z.object({ kind: z.literal('shutdown'), detail: z.string() }),
  z.object({ kind: z.literal('superseded') }),
  z.object({ kind: z.literal('neverStarted'), detail: z.string() }),
  z.object({ kind: z.literal('lost'), detail: z.string() }),
])
/** Wire form of a WorkloadExit. */
export const workloadExitSchema = exitSchema

/** What user code said about its own failure. */
export const taskErrorSchema = z.object({
  name: z.string(),
  message: z.string(),
  stack: z.string().nullable(),
})
/** See {@link taskErrorSchema}. */
export type TaskError = z.infer<typeof taskErrorSchema>

/**
 * `PATCH /execution/task-instances/{id}/state`, request. `exit` and `error` are Fairlead's additions.
 * A `failed` report from an executor's process is final; `up_for_retry` asks for a retry, which the row decides.
 */
export const taskStateSchema = z.object({
  state: z.enum(['success', 'failed', 'skipped', 'up_for_retry']),
  end_date: z.string(),
  exit: exitSchema.optional(),
  error: taskErrorSchema.optional(),
})
/** See {@link taskStateSchema}. */
export type TaskStateReport = z.infer<typeof taskStateSchema>

/** `PUT /execution/task-instances/{id}/heartbeat`, request. */
export const heartbeatSchema = z.object({ hostname: z.string(), pid: z.int() })
/** See {@link heartbeatSchema}. */
export type Heartbeat = z.infer<typeof heartbeatSchema>

/** `GET /execution/xcoms/{dag_id}/{run_id}/{task_id}/{key}`, response. */
export const xcomSchema = z.object({ key: z.string(), value: z.unknown() })
/** See {@link xcomSchema}. */
export type XComResponse = z.infer<typeof xcomSchema>

/** `GET /execution/task-instances/breadcrumbs`, response: what has ended in a run. */
export const breadcrumbsSchema = z.object({
  breadcrumbs: z.array(
    z.object({
      task_id: z.string(),
      map_index: z.int(),
      state: z.string(),
      operator: z.string().nullable(),
      /** In seconds; null for what never ran. */
      duration: z.number().nullable(),
    }),
  ),
})
/** See {@link breadcrumbsSchema}. */
export type Breadcrumbs = z.infer<typeof breadcrumbsSchema>

/** `GET /execution/variables/{key}`, response. */
export const variableSchema = z.object({ key: z.string(), value: z.string() })
/** See {@link variableSchema}. */
export type VariableResponse = z.infer<typeof variableSchema>

/** `PUT /execution/variables/{key}`, request. */
export const variableBodySchema = z.object({ val: z.string(), description: z.string().nullish() })
/** See {@link variableBodySchema}. */
export type VariableBody = z.infer<typeof variableBodySchema>

/** `GET /execution/connections/{conn_id}`, response. `extra` is JSON text. */
export const connectionSchema = z.object({
  conn_id: z.string(),
  conn_type: z.string(),
  description: z.string().nullish(),
  host: z.string().nullable(),
  login: z.string().nullable(),
  password: z.string().nullable(),
  schema: z.string().nullable(),
  port: z.int().nullable(),
  extra: z.string().nullable(),
})
/** See {@link connectionSchema}. */
export type ConnectionResponse = z.infer<typeof connectionSchema>

/** Reasons with which the API refuses a worker's call (`detail.reason` of a 409, 410 or 403). */
export const REFUSAL_REASONS = [
  'invalid_state',
  'running_elsewhere',
  'not_running',
  'superseded',
  'archived',
  'incompatible_runner',
  'ticket_used',
] as const
/** One of {@link REFUSAL_REASONS}. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number]
