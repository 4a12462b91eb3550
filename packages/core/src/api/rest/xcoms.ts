import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { listXComs, type XComRow } from '../../db/queries/xcom-reads.ts'
import type { Routes } from '../api-context.ts'
import { notFound } from '../problem.ts'
import { requireTaskInstance } from './require.ts'
import { taskInstancePath } from './task-instances.ts'
import { anyOf, flagParameter, isoOf, pageOf, pageParameters, wireMoment } from './wire.ts'

const xcomFields = {
  key: z.string(),
  timestamp: z.string(),
  logical_date: wireMoment,
  map_index: z.int(),
  task_id: z.string(),
  dag_id: z.string(),
  run_id: z.string(),
  dag_display_name: z.string(),
  task_display_name: z.string(),
  run_after: z.string(),
}

const xcomSchema = z.object(xcomFields).meta({ id: 'XComResponse' })
const xcomValueSchema = z.object({ ...xcomFields, value: z.unknown() }).meta({ id: 'XComResponseNative' })

const BASE = '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/xcomEntries'

const listSchema = {
  tags: ['XCom'],
  params: taskInstancePath,
  querystring: z.object({
    limit: pageParameters.limit,
    offset: pageParameters.offset,
    xcom_key: z.string().optional(),
    xcom_key_pattern: z.string().optional(),
    map_index: z.coerce.number().int().optional(),
  }),
  response: {
    200: z.object({ xcom_entries: z.array(xcomSchema), total_entries: z.int() }).meta({ id: 'XComCollectionResponse' }),
  },
}

const entrySchema = {
  tags: ['XCom'],
  params: taskInstancePath.extend({ xcom_key: z.string() }),
  querystring: z.object({
    map_index: z.coerce.number().int().default(UNMAPPED),
    deserialize: flagParameter.optional(),
    stringify: flagParameter.default(false),
  }),
  response: { 200: xcomValueSchema },
}

/** Routes of XComs, for people: tasks use the Execution API. */
export const xcomRoutes: Routes = (app, context) => {
  app.get(BASE, { schema: listSchema }, async ({ params, query }) => {
    const filter = {
      dagId: anyOf(params.dag_id),
      runId: anyOf(params.dag_run_id),
      taskId: anyOf(params.task_id),
      key: query.xcom_key,
      keyPattern: query.xcom_key_pattern,
      mapIndex: query.map_index,
    }
    if (filter.dagId !== null && filter.runId !== null && filter.taskId !== null)
      await requireTaskInstance(context, params)
    const page = pageOf(query, { columns: { key: true }, fallback: 'key' }, context.config.api.maximumPageLimit)
    const { rows, total } = await listXComs(context.moves.database.read, filter, page)
    return { xcom_entries: rows.map(toWire), total_entries: total }
  })
  app.get(`${BASE}/:xcom_key`, { schema: entrySchema }, async ({ params, query }) => {
    await requireTaskInstance(context, params, query.map_index)
    const { rows } = await listXComs(
      context.moves.database.read,
      {
        dagId: params.dag_id,
        runId: params.dag_run_id,
        taskId: params.task_id,
        key: params.xcom_key,
        mapIndex: query.map_index,
      },
      { limit: 1, offset: 0, orderBy: [] },
    )
    const [row] = rows
    if (row === undefined)
      throw notFound(`XCom of task "${params.task_id}" in run "${params.dag_run_id}"`, params.xcom_key)
    const value: unknown = query.stringify ? row.value : JSON.parse(row.value)
    return { ...toWire(row), value }
  })
}

function toWire(row: XComRow): z.infer<typeof xcomSchema> {
  return {
    key: row.key,
    timestamp: isoOf(row.created_at),
    logical_date: isoOf(row.logical_date),
    map_index: row.map_index,
    task_id: row.task_id,
    dag_id: row.dag_id,
    run_id: row.run_id,
    dag_display_name: row.dag_id,
    task_display_name: row.task_id,
    run_after: isoOf(row.run_after),
  }
}
