import { DAG_RUN_STATES } from '@fairlead/protocol'
import { z } from 'zod'
import { DAG_RUN_ORDER, listDagRuns, type DagRunRow } from '../../db/queries/dag-run-reads.ts'
import { formatTriggeredBy, parseTriggeredBy } from '../../model/triggered-by.ts'
import { createDagRun } from '../../moves/create-dag-run.ts'
import type { Routes } from '../api-context.ts'
import type { Identity } from '../auth/rest-tokens.ts'
import { ApiProblem } from '../problem.ts'
import { dagVersionSchema, type KnownVersion, type VersionCache } from './dag-versions.ts'
import { requireDag, requireDagRun } from './require.ts'
import {
  anyOf,
  durationOf,
  isoOf,
  momentParameter,
  pageOf,
  pageParameters,
  repeated,
  spanOf,
  spanParameters,
  wireMoment,
} from './wire.ts'

/** A run on the wire. */
export const dagRunSchema = z
  .object({
    dag_run_id: z.string(),
    dag_id: z.string(),
    logical_date: wireMoment,
    queued_at: wireMoment,
    start_date: wireMoment,
    end_date: wireMoment,
    duration: z.number().nullable(),
    data_interval_start: wireMoment,
    data_interval_end: wireMoment,
    run_after: z.string(),
    last_scheduling_decision: wireMoment,
    run_type: z.string(),
    state: z.enum(DAG_RUN_STATES),
    triggered_by: z.string().nullable(),
    triggering_user_name: z.string().nullable(),
    conf: z.record(z.string(), z.unknown()).nullable(),
    note: z.string().nullable(),
    dag_versions: z.array(dagVersionSchema),
    bundle_version: z.string().nullable(),
    dag_display_name: z.string(),
    partition_key: z.string().nullable(),
  })
  .meta({ id: 'DAGRunResponse' })

const MAX_RUN_ID_LENGTH = 250

const triggerSchema = z
  .strictObject({
    dag_run_id: z.string().min(1).max(MAX_RUN_ID_LENGTH).nullish(),
    logical_date: momentParameter.nullish(),
    data_interval_start: momentParameter.nullish(),
    data_interval_end: momentParameter.nullish(),
    run_after: momentParameter.nullish(),
    conf: z.record(z.string(), z.unknown()).nullish(),
    note: z.string().max(1000).nullish(),
    partition_key: z.null().optional(),
  })
  .refine(
    ({ data_interval_start: start, data_interval_end: end }) => ((start ?? null) === null) === ((end ?? null) === null),
    { message: 'data_interval_start and data_interval_end go together', path: ['data_interval_start'] },
  )
  .meta({ id: 'TriggerDAGRunPostBody' })

const listParameters = z.object({
  ...pageParameters,
  ...spanParameters('run_after'),
  ...spanParameters('logical_date'),
  ...spanParameters('start_date'),
  ...spanParameters('end_date'),
  state: repeated(z.string()),
  run_type: repeated(z.string()),
  run_id_pattern: z.string().optional(),
  dag_id_pattern: z.string().optional(),
})

const dagPath = z.object({ dag_id: z.string() })
const runPath = z.object({ dag_id: z.string(), dag_run_id: z.string() })

/** Routes of Dag runs. */
export const dagRunRoutes =
  (versions: VersionCache): Routes =>
  (app, context) => {
    app.get(
      '/dags/:dag_id/dagRuns',
      {
        schema: {
          tags: ['DagRun'],
          params: dagPath,
          querystring: listParameters,
          response: {
            200: z
              .object({ dag_runs: z.array(dagRunSchema), total_entries: z.int() })
              .meta({ id: 'DAGRunCollectionResponse' }),
          },
        },
      },
      async ({ params, query }) => {
        const dagId = anyOf(params.dag_id)
        if (dagId !== null) await requireDag(context, dagId)
        const page = pageOf(query, { columns: DAG_RUN_ORDER, fallback: 'id' }, context.config.api.maximumPageLimit)
        const filter = {
          dagId,
          dagIdPattern: query.dag_id_pattern,
          runIdPattern: query.run_id_pattern,
          states: query.state,
          runTypes: query.run_type,
          runAfter: spanOf(query, 'run_after'),
          logicalDate: spanOf(query, 'logical_date'),
          startDate: spanOf(query, 'start_date'),
          endDate: spanOf(query, 'end_date'),
        }
        const { rows, total } = await listDagRuns(context.moves.database.read, filter, page)
        const known = await versions.of(rows.map((row) => row.version_id))
        return { dag_runs: rows.map((row) => dagRunToWire(row, known.get(row.version_id))), total_entries: total }
      },
    )
    app.get(
      '/dags/:dag_id/dagRuns/:dag_run_id',
      { schema: { tags: ['DagRun'], params: runPath, response: { 200: dagRunSchema } } },
      async ({ params }) => {
        const row = await requireDagRun(context, params.dag_id, params.dag_run_id)
        return dagRunToWire(row, (await versions.of([row.version_id])).get(row.version_id))
      },
    )
    app.post(
      '/dags/:dag_id/dagRuns',
      { schema: { tags: ['DagRun'], params: dagPath, body: triggerSchema, response: { 200: dagRunSchema } } },
      async ({ params, body, identity }) => {
        const dag = await requireDag(context, params.dag_id)
        const answer = await createDagRun(context.moves, {
          dagId: params.dag_id,
          ...toRequest(body, identity),
        })
        if (answer.kind === 'dagNotFound') throw staleDag(dag.dag_id)
        if (answer.kind === 'exists') throw existingRun(params.dag_id, answer.runId)
        const row = await requireDagRun(context, params.dag_id, answer.runId)
        return dagRunToWire(row, (await versions.of([row.version_id])).get(row.version_id))
      },
    )
  }

function toRequest(body: z.output<typeof triggerSchema>, identity: Identity) {
  const { data_interval_start: start, data_interval_end: end } = body
  return {
    runId: body.dag_run_id ?? null,
    runType: 'manual',
    logicalDate: body.logical_date ?? null,
    dataInterval: typeof start === 'number' && typeof end === 'number' ? { start, end } : null,
    runAfter: body.run_after ?? null,
    conf: body.conf ?? null,
    note: body.note ?? null,
    triggeredBy: formatTriggeredBy({ through: identity.client, username: identity.username }),
  } as const
}

function staleDag(dagId: string): ApiProblem {
  return new ApiProblem('CONFLICT', `Dag "${dagId}" is no longer in the Dags folder, so no run of it can start.`, {
    remedy: 'Put its file back, or correct the import error of its file.',
  })
}

function existingRun(dagId: string, runId: string): ApiProblem {
  return new ApiProblem('CONFLICT', `Dag "${dagId}" has a run "${runId}", or one with this logical date, already.`, {
    remedy: 'Leave dag_run_id and logical_date out, or choose others.',
  })
}

/** A run as Airflow shows it. */
export function dagRunToWire(row: DagRunRow, version: KnownVersion | undefined): z.infer<typeof dagRunSchema> {
  const triggeredBy = parseTriggeredBy(row.triggered_by)
  return {
    dag_run_id: row.run_id,
    dag_id: row.dag_id,
    logical_date: isoOf(row.logical_date),
    queued_at: isoOf(row.queued_at),
    start_date: isoOf(row.started_at),
    end_date: isoOf(row.ended_at),
    duration: durationOf(row.started_at, row.ended_at),
    data_interval_start: isoOf(row.data_interval_start),
    data_interval_end: isoOf(row.data_interval_end),
    run_after: isoOf(row.run_after),
    last_scheduling_decision: null,
    run_type: row.run_type,
    state: row.state,
    triggered_by: triggeredBy.through,
    triggering_user_name: triggeredBy.username,
    conf: row.conf === null ? {} : z.record(z.string(), z.unknown()).parse(JSON.parse(row.conf)),
    note: row.note,
    dag_versions: version === undefined ? [] : [version.wire],
    bundle_version: version?.wire.bundle_version ?? null,
    dag_display_name: row.dag_id,
    partition_key: null,
  }
}
