import { scheduleSchema, type DagSpec } from '@fairlead/protocol'
import { z } from 'zod'
import { DAG_ORDER, listDags, type DagFilter, type DagRow } from '../../db/queries/dag-reads.ts'
import { setDagPaused } from '../../moves/set-dag-paused.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { dagVersionSchema, type VersionCache } from './dag-versions.ts'
import { requireDag } from './require.ts'
import { flagParameter, isoOf, pageOf, pageParameters, repeated, wireMoment } from './wire.ts'

const tagSchema = z
  .object({ name: z.string(), dag_id: z.string(), dag_display_name: z.string() })
  .meta({ id: 'DagTagResponse' })

const dagFields = {
  dag_id: z.string(),
  dag_display_name: z.string(),
  is_paused: z.boolean(),
  is_stale: z.boolean(),
  last_parsed_time: wireMoment,
  last_parse_duration: z.number().nullable(),
  last_expired: wireMoment,
  bundle_name: z.string().nullable(),
  bundle_version: z.string().nullable(),
  relative_fileloc: z.string().nullable(),
  fileloc: z.string(),
  description: z.string().nullable(),
  timetable_summary: z.string().nullable(),
  timetable_description: z.string().nullable(),
  timetable_partitioned: z.boolean(),
  tags: z.array(tagSchema),
  max_active_tasks: z.int(),
  max_active_runs: z.int().nullable(),
  max_consecutive_failed_dag_runs: z.int(),
  has_task_concurrency_limits: z.boolean(),
  has_import_errors: z.boolean(),
  next_dagrun_logical_date: wireMoment,
  next_dagrun_data_interval_start: wireMoment,
  next_dagrun_data_interval_end: wireMoment,
  next_dagrun_run_after: wireMoment,
  allowed_run_types: z.array(z.string()).nullable(),
  owners: z.array(z.string()),
  file_token: z.string(),
}

const dagSchema = z.object(dagFields).meta({ id: 'DAGResponse' })

const dagDetailsSchema = z
  .object({
    ...dagFields,
    catchup: z.boolean(),
    dag_run_timeout: z.string().nullable(),
    asset_expression: z.record(z.string(), z.unknown()).nullable(),
    doc_md: z.string().nullable(),
    start_date: wireMoment,
    end_date: wireMoment,
    is_paused_upon_creation: z.boolean().nullable(),
    params: z.record(z.string(), z.unknown()).nullable(),
    render_template_as_native_obj: z.boolean(),
    template_search_path: z.array(z.string()).nullable(),
    timezone: z.string().nullable(),
    last_parsed: wireMoment,
    default_args: z.record(z.string(), z.unknown()).nullable(),
    owner_links: z.record(z.string(), z.string()).nullable(),
    is_favorite: z.boolean(),
    active_runs_count: z.int(),
    latest_dag_version: dagVersionSchema.nullable(),
    concurrency: z.int(),
  })
  .meta({ id: 'DAGDetailsResponse' })

const listParameters = z.object({
  ...pageParameters,
  tags: repeated(z.string()),
  tags_match_mode: z.enum(['any', 'all']).optional(),
  dag_id_pattern: z.string().optional(),
  dag_display_name_pattern: z.string().optional(),
  exclude_stale: flagParameter.default(true),
  paused: flagParameter.optional(),
  has_import_errors: flagParameter.optional(),
  last_dag_run_state: z.enum(['queued', 'running', 'success', 'failed']).optional(),
})

const path = z.object({ dag_id: z.string() })

const listSchema = {
  tags: ['DAG'],
  querystring: listParameters,
  response: {
    200: z.object({ dags: z.array(dagSchema), total_entries: z.int() }).meta({ id: 'DAGCollectionResponse' }),
  },
}

const patchSchema = {
  tags: ['DAG'],
  params: path,
  querystring: z.object({ update_mask: repeated(z.string()) }),
  body: z.strictObject({ is_paused: z.boolean() }).meta({ id: 'DAGPatchBody' }),
  response: { 200: dagSchema },
}

/** Routes of Dags. */
export const dagRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.get('/dags', { schema: listSchema }, async ({ query }) => {
      const page = pageOf(query, { columns: DAG_ORDER, fallback: 'dag_id' }, context.config.api.maximumPageLimit)
      const { rows, total } = await listDags(context.moves.database.read, filterOf(query), page)
      return { dags: rows.map((row) => toWire(row, context)), total_entries: total }
    })
    app.get(
      '/dags/:dag_id',
      { schema: { tags: ['DAG'], params: path, response: { 200: dagSchema } } },
      async ({ params }) => toWire(await requireDag(context, params.dag_id), context),
    )
    app.get(
      '/dags/:dag_id/details',
      { schema: { tags: ['DAG'], params: path, response: { 200: dagDetailsSchema } } },
      async ({ params }) => {
        const dag = await requireDag(context, params.dag_id)
        const version = (await versions.of([dag.version_id])).get(dag.version_id)
        if (version === undefined) throw new Error(`Dag "${dag.dag_id}" has no version "${dag.version_id}".`)
        return { ...toWire(dag, context), ...detailsOf(dag, version.spec), latest_dag_version: version.wire }
      },
    )
    app.patch('/dags/:dag_id', { schema: patchSchema }, async ({ params, body, identity }) => {
      await requireDag(context, params.dag_id)
      await setDagPaused(context.moves, { dagId: params.dag_id, isPaused: body.is_paused, actor: identity.username })
      return toWire(await requireDag(context, params.dag_id), context)
    })
  }

function filterOf(query: z.output<typeof listParameters>): DagFilter {
  return {
    dagIdPattern: query.dag_id_pattern ?? query.dag_display_name_pattern,
    isPaused: query.paused,
    tags: query.tags,
    areAllTagsNeeded: query.tags_match_mode === 'all',
    excludeStale: query.exclude_stale,
    hasImportErrors: query.has_import_errors,
    lastRunState: query.last_dag_run_state,
  }
}

function toWire(row: DagRow, { config }: ApiContext): z.infer<typeof dagSchema> {
  const tags = z.array(z.string()).parse(JSON.parse(row.tags))
  return {
    dag_id: row.dag_id,
    dag_display_name: row.dag_id,
    is_paused: row.is_paused === 1,
    is_stale: row.is_active === 0,
    last_parsed_time: isoOf(row.last_parsed_at),
    last_parse_duration: null,
    last_expired: null,
    bundle_name: row.bundle_name,
    bundle_version: row.hash,
    relative_fileloc: row.file,
    fileloc: `${config.paths.dagsFolder}/${row.file}`,
    description: row.description,
    ...timetableOf(row.schedule),
    timetable_partitioned: false,
    tags: tags.map((name) => ({ name, dag_id: row.dag_id, dag_display_name: row.dag_id })),
    max_active_tasks: row.max_active_tasks,
    max_active_runs: row.max_active_runs,
    max_consecutive_failed_dag_runs: 0,
    has_task_concurrency_limits: false,
    has_import_errors: row.has_import_error === 1,
    next_dagrun_logical_date: isoOf(row.next_logical_date),
    next_dagrun_data_interval_start: isoOf(row.next_interval_start),
    next_dagrun_data_interval_end: isoOf(row.next_interval_end),
    next_dagrun_run_after: isoOf(row.next_run_after),
    allowed_run_types: null,
    owners: [],
    file_token: Buffer.from(`${row.bundle_name}:${row.file}`).toString('base64url'),
  }
}

function timetableOf(json: string): { timetable_summary: string | null; timetable_description: string } {
  const schedule = scheduleSchema.parse(JSON.parse(json))
  switch (schedule.kind) {
    case 'manual':
      return { timetable_summary: null, timetable_description: 'Never, external triggers only' }
    case 'once':
      return { timetable_summary: '@once', timetable_description: 'Once, as soon as possible' }
    case 'cron':
      return {
        timetable_summary: schedule.expression,
        timetable_description: `${schedule.expression} in ${schedule.timezone}`,
      }
    case 'delta': {
      const every = `every ${schedule.everyMs / 1000} s`
      return { timetable_summary: every, timetable_description: every }
    }
    default:
      return schedule satisfies never
  }
}

function detailsOf(row: DagRow, spec: DagSpec) {
  return {
    catchup: spec.catchup,
    dag_run_timeout: null,
    asset_expression: null,
    doc_md: null,
    start_date: isoOf(spec.startDate),
    end_date: isoOf(spec.endDate),
    is_paused_upon_creation: spec.isPausedUponCreation,
    params: null,
    render_template_as_native_obj: false,
    template_search_path: null,
    timezone: spec.schedule.kind === 'cron' ? spec.schedule.timezone : null,
    last_parsed: isoOf(row.last_parsed_at),
    default_args: null,
    owner_links: null,
    is_favorite: false,
    active_runs_count: row.running_runs + row.queued_runs,
    concurrency: row.max_active_tasks,
  }
}
