import { TASK_INSTANCE_STATES, UNMAPPED, taskErrorSchema, workloadExitSchema } from '@fairlead/protocol'
import { z } from 'zod'
import {
  listTaskInstances,
  TASK_INSTANCE_ORDER,
  type TaskInstanceFilter,
  type TaskInstanceRow,
} from '../../db/queries/task-instance-reads.ts'
import type { Routes } from '../api-context.ts'
import { dagVersionSchema, type KnownVersion, type VersionCache } from './dag-versions.ts'
import { requireDag, requireDagRun, requireTaskInstance } from './require.ts'
import { operatorOf } from './tasks.ts'
import { anyOf, durationOf, isoOf, pageOf, pageParameters, repeated, wireMoment } from './wire.ts'

/** Why a try did not succeed: Fairlead's addition to Airflow's shape. */
const failureSchema = z
  .object({ cause: z.string(), exit: workloadExitSchema.nullable(), error: taskErrorSchema.nullable() })
  .meta({ id: 'TaskInstanceFailure' })

const tryFields = {
  task_id: z.string(),
  dag_id: z.string(),
  dag_run_id: z.string(),
  map_index: z.int(),
  start_date: wireMoment,
  end_date: wireMoment,
  duration: z.number().nullable(),
  state: z.enum(TASK_INSTANCE_STATES).nullable(),
  try_number: z.int(),
  max_tries: z.int(),
  task_display_name: z.string(),
  dag_display_name: z.string(),
  hostname: z.string().nullable(),
  unixname: z.string().nullable(),
  pool: z.string(),
  pool_slots: z.int(),
  queue: z.string().nullable(),
  priority_weight: z.int().nullable(),
  operator: z.string().nullable(),
  operator_name: z.string().nullable(),
  queued_when: wireMoment,
  scheduled_when: wireMoment,
  pid: z.int().nullable(),
  executor: z.string().nullable(),
  executor_config: z.string(),
  dag_version: dagVersionSchema.nullable(),
  failure: failureSchema.nullable(),
}

/** An ended try on the wire. */
export const tryResponseSchema = z.object(tryFields).meta({ id: 'TaskInstanceHistoryResponse' })

/** A task instance on the wire. */
export const taskInstanceSchema = z
  .object({
    ...tryFields,
    id: z.string(),
    logical_date: wireMoment,
    run_after: z.string(),
    note: z.string().nullable(),
    rendered_map_index: z.string().nullable(),
    rendered_fields: z.record(z.string(), z.unknown()),
    trigger: z.null(),
    triggerer_job: z.null(),
  })
  .meta({ id: 'TaskInstanceResponse' })

const listParameters = z.object({
  ...pageParameters,
  task_id: z.string().optional(),
  task_display_name_pattern: z.string().optional(),
  dag_id_pattern: z.string().optional(),
  run_id_pattern: z.string().optional(),
  state: repeated(z.string()),
  executor: repeated(z.string()),
  pool: repeated(z.string()),
  queue: repeated(z.string()),
  try_number: repeated(z.coerce.number().int()),
  map_index: repeated(z.coerce.number().int()),
})

/** Path of one task instance. */
export const taskInstancePath = z.object({ dag_id: z.string(), dag_run_id: z.string(), task_id: z.string() })

const runPath = z.object({ dag_id: z.string(), dag_run_id: z.string() })

const listSchema = {
  tags: ['Task Instance'],
  params: runPath,
  querystring: listParameters,
  response: {
    200: z
      .object({ task_instances: z.array(taskInstanceSchema), total_entries: z.int() })
      .meta({ id: 'TaskInstanceCollectionResponse' }),
  },
}

/** Routes of task instances. */
export const taskInstanceRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.get('/dags/:dag_id/dagRuns/:dag_run_id/taskInstances', { schema: listSchema }, async ({ params, query }) => {
      const [dagId, runId] = [anyOf(params.dag_id), anyOf(params.dag_run_id)]
      if (dagId !== null) await (runId === null ? requireDag(context, dagId) : requireDagRun(context, dagId, runId))
      const order = { columns: TASK_INSTANCE_ORDER, fallback: 'map_index' }
      const { rows, total } = await listTaskInstances(
        context.moves.database.read,
        { dagId, runId, ...filterOf(query) },
        pageOf(query, order, context.config.api.maximumPageLimit),
      )
      const known = await versions.of(rows.map((row) => row.version_id))
      return {
        task_instances: rows.map((row) => taskInstanceToWire(row, known.get(row.version_id))),
        total_entries: total,
      }
    })
    const one = async (path: z.infer<typeof taskInstancePath>, mapIndex: number) => {
      const row = await requireTaskInstance(context, path, mapIndex)
      return taskInstanceToWire(row, (await versions.of([row.version_id])).get(row.version_id))
    }
    app.get(
      '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id',
      { schema: { tags: ['Task Instance'], params: taskInstancePath, response: { 200: taskInstanceSchema } } },
      ({ params }) => one(params, UNMAPPED),
    )
    app.get(
      '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/:map_index',
      {
        schema: {
          tags: ['Task Instance'],
          params: taskInstancePath.extend({ map_index: z.coerce.number().int() }),
          response: { 200: taskInstanceSchema },
        },
      },
      ({ params }) => one(params, params.map_index),
    )
  }

function filterOf(query: z.output<typeof listParameters>): Omit<TaskInstanceFilter, 'dagId' | 'runId'> {
  return {
    taskId: query.task_id,
    taskIdPattern: query.task_display_name_pattern,
    dagIdPattern: query.dag_id_pattern,
    runIdPattern: query.run_id_pattern,
    states: query.state,
    executors: query.executor,
    pools: query.pool,
    queues: query.queue,
    tryNumbers: query.try_number,
    mapIndexes: query.map_index,
  }
}

/** A task instance as Airflow shows it. */
export function taskInstanceToWire(
  row: TaskInstanceRow,
  version: KnownVersion | undefined,
): z.infer<typeof taskInstanceSchema> {
  return {
    id: row.id,
    ...tryToWire(row, version),
    logical_date: isoOf(row.logical_date),
    run_after: isoOf(row.run_after),
    note: null,
    rendered_map_index: null,
    rendered_fields: {},
    trigger: null,
    triggerer_job: null,
  }
}

/** A try as Airflow shows it. */
export function tryToWire(row: TaskInstanceRow, version: KnownVersion | undefined): z.infer<typeof tryResponseSchema> {
  const task = version?.spec.tasks[row.task_index]
  const operator = operatorOf(task)
  return {
    task_id: row.task_id,
    dag_id: row.dag_id,
    dag_run_id: row.run_id,
    map_index: row.map_index,
    start_date: isoOf(row.started_at),
    end_date: isoOf(row.ended_at),
    duration: durationOf(row.started_at, row.ended_at),
    state: row.state === 'none' ? null : row.state,
    try_number: row.try_number,
    // Airflow counts the tries after the first one.
    max_tries: row.max_tries - 1,
    task_display_name: row.task_id,
    dag_display_name: row.dag_id,
    hostname: row.hostname,
    unixname: row.unixname,
    pool: row.pool,
    pool_slots: row.pool_slots,
    queue: row.queue,
    priority_weight: row.priority_weight,
    operator,
    operator_name: operator,
    queued_when: isoOf(row.queued_at),
    scheduled_when: isoOf(row.scheduled_at),
    pid: row.pid,
    executor: row.executor,
    executor_config: JSON.stringify(task?.executorConfig ?? {}),
    dag_version: version?.wire ?? null,
    failure: failureOf(row),
  }
}

/** What is recorded of a try that did not succeed. */
export function failureOf(row: TaskInstanceRow): z.infer<typeof failureSchema> | null {
  if (row.cause === null) return null
  return {
    cause: row.cause,
    exit: row.exit === null ? null : workloadExitSchema.parse(JSON.parse(row.exit)),
    error: row.error === null ? null : taskErrorSchema.parse(JSON.parse(row.error)),
  }
}
