import { z } from 'zod'
import {
  BACKFILL_ORDER,
  findBackfill,
  listBackfills,
  readProgress,
  type BackfillRow,
} from '../../db/queries/backfills.ts'
import { REPROCESS_BEHAVIORS } from '../../model/backfill-plan.ts'
import { cancelBackfill, setBackfillPaused, type BackfillAnswer } from '../../moves/change-backfill.ts'
import {
  createBackfill,
  forecastBackfill,
  type BackfillRefusal,
  type BackfillRequest,
} from '../../moves/create-backfill.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import { flagParameter, isoOf, momentParameter, pageOf, pageParameters, wireMoment } from './wire.ts'

const behavior = z.enum(REPROCESS_BEHAVIORS)

const backfillSchema = z
  .object({
    id: z.int(),
    dag_id: z.string(),
    dag_display_name: z.string(),
    from_date: z.string(),
    to_date: z.string(),
    dag_run_conf: z.record(z.string(), z.unknown()).nullable(),
    is_paused: z.boolean(),
    run_backwards: z.boolean(),
    reprocess_behavior: behavior,
    max_active_runs: z.int(),
    created_at: z.string(),
    updated_at: z.string(),
    completed_at: wireMoment,
    /** Fairlead's addition: its dates by what became of them (`ahead` while nothing has), and its runs by state. */
    progress: z.record(z.string(), z.int()),
  })
  .meta({ id: 'BackfillResponse' })

const forecastSchema = z
  .object({
    /** In the order in which they run. */
    backfills: z.array(z.object({ logical_date: z.string(), action: z.enum(['create', 'reprocess', 'skip']) })),
    total_entries: z.int(),
    /** Fairlead's additions: what each pool would have to bear, and how long it takes by earlier runs. */
    pools: z.array(z.object({ pool: z.string(), slots: z.int().nullable(), needed: z.int() })),
    estimated_seconds: z.number().nullable(),
    estimated_finish: wireMoment,
  })
  .meta({ id: 'DryRunBackfillCollectionResponse' })

const bodySchema = z
  .strictObject({
    dag_id: z.string(),
    from_date: momentParameter,
    to_date: momentParameter,
    dag_run_conf: z.record(z.string(), z.unknown()).nullish(),
    max_active_runs: z.int().min(1).default(10),
    reprocess_behavior: behavior.default('none'),
    run_backwards: z.boolean().default(false),
    run_on_latest_version: z.literal(false, 'A run that is reprocessed keeps its version').default(false),
  })
  .meta({ id: 'BackfillPostBody' })

const path = z.object({ backfill_id: z.coerce.number().int() })
const tags = ['Backfill']

/** Airflow's routes of backfills. */
export const backfillRoutes: Routes = (app, context) => {
  readRoutes(app, context)
  createRoutes(app, context)
  const changes = {
    pause: (order: { id: number; actor: string }) => setBackfillPaused(context.moves, { ...order, isPaused: true }),
    unpause: (order: { id: number; actor: string }) => setBackfillPaused(context.moves, { ...order, isPaused: false }),
    cancel: (order: { id: number; actor: string }) => cancelBackfill(context.moves, order),
  }
  for (const [name, change] of Object.entries(changes)) {
    app.put(
      `/backfills/:backfill_id/${name}`,
      { schema: { tags, params: path, response: { 200: backfillSchema } } },
      async ({ params, identity }) => {
        const id = params.backfill_id
        refuseUnmoved(await change({ id, actor: identity.username }), id)
        return shown(context, await requireBackfill(context, id))
      },
    )
  }
}

const readRoutes: Routes = (app, context) => {
  app.get(
    '/backfills',
    {
      schema: {
        tags,
        querystring: z.object({ ...pageParameters, dag_id: z.string().optional(), active: flagParameter.optional() }),
        response: {
          200: z
            .object({ backfills: z.array(backfillSchema), total_entries: z.int() })
            .meta({ id: 'BackfillCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const page = pageOf(query, { columns: BACKFILL_ORDER, fallback: '-id' }, context.config.api.maximumPageLimit)
      const filter = { dagId: query.dag_id, isActive: query.active }
      const { rows, total } = await listBackfills(context.moves.database.read, filter, page)
      return { backfills: await Promise.all(rows.map((row) => shown(context, row))), total_entries: total }
    },
  )
  app.get(
    '/backfills/:backfill_id',
    { schema: { tags, params: path, response: { 200: backfillSchema } } },
    async ({ params }) => shown(context, await requireBackfill(context, params.backfill_id)),
  )
}

const createRoutes: Routes = (app, context) => {
  app.post(
    '/backfills',
    { schema: { tags, body: bodySchema, response: { 200: backfillSchema } } },
    async ({ body, identity }) => {
      const answer = await createBackfill(context.moves, requestOf(body, identity.username))
      if (answer.kind === 'open') {
        throw new ApiProblem('CONFLICT', `Dag "${body.dag_id}" has backfill ${answer.id}, which is not over.`, {
          remedy: 'Wait for its end, or cancel it.',
        })
      }
      if (answer.kind !== 'created') throw refusal(answer, body)
      return shown(context, await requireBackfill(context, answer.id))
    },
  )
  app.post(
    '/backfills/dry_run',
    { schema: { tags, body: bodySchema, response: { 200: forecastSchema } } },
    async ({ body, identity }) => {
      const answer = await forecastBackfill(context.moves, requestOf(body, identity.username))
      if (answer.kind !== 'forecast') throw refusal(answer, body)
      const { dates, pools, estimatedMs } = answer
      const now = context.moves.environment.clock.now()
      return {
        backfills: dates.map(({ logicalDate, action }) => ({ logical_date: isoOf(logicalDate), action })),
        total_entries: dates.length,
        pools: [...pools],
        estimated_seconds: estimatedMs === null ? null : estimatedMs / 1000,
        estimated_finish: estimatedMs === null ? null : isoOf(now + estimatedMs),
      }
    },
  )
}

type Body = z.output<typeof bodySchema>

function requestOf(body: Body, actor: string): BackfillRequest {
  return {
    dagId: body.dag_id,
    from: body.from_date,
    to: body.to_date,
    isReversed: body.run_backwards,
    reprocess: body.reprocess_behavior,
    maxActiveRuns: body.max_active_runs,
    conf: body.dag_run_conf ?? null,
    actor,
  }
}

function refusal(answer: BackfillRefusal, body: Body): ApiProblem {
  const dates = `${isoOf(body.from_date)} and ${isoOf(body.to_date)}`
  switch (answer.kind) {
    case 'dagNotFound':
      return notFound('Dag', body.dag_id)
    case 'noDates':
      return new ApiProblem('INVALID', `Dag "${body.dag_id}" has no scheduled date between ${dates}.`, {
        remedy: 'Choose dates that its schedule has; a Dag without a schedule has none.',
      })
    case 'inFuture':
      return new ApiProblem('INVALID', `The end ${isoOf(body.to_date)} lies in the future.`, {
        remedy: 'End with a date that is past: the schedule runs the others.',
      })
    case 'tooManyDates':
      return new ApiProblem('INVALID', `There are more than ${answer.limit} dates between ${dates}.`, {
        remedy: 'Make several backfills of it, one after another.',
      })
    default:
      return answer satisfies never
  }
}

function refuseUnmoved(answer: BackfillAnswer, id: number): void {
  if (answer.kind === 'notFound') throw notFound('backfill', String(id))
  if (answer.kind === 'over') throw new ApiProblem('CONFLICT', `Backfill ${id} is over already.`)
}

async function requireBackfill({ moves }: ApiContext, id: number): Promise<BackfillRow> {
  const row = await findBackfill(moves.database.read, id)
  if (row === undefined) throw notFound('backfill', String(id))
  return row
}

async function shown({ moves }: ApiContext, row: BackfillRow): Promise<z.infer<typeof backfillSchema>> {
  return {
    id: row.id,
    dag_id: row.dag_id,
    dag_display_name: row.dag_id,
    from_date: isoOf(row.from_date),
    to_date: isoOf(row.to_date),
    dag_run_conf: row.conf === null ? null : z.record(z.string(), z.unknown()).parse(JSON.parse(row.conf)),
    is_paused: row.is_paused === 1,
    run_backwards: row.is_reversed === 1,
    reprocess_behavior: row.reprocess_behavior,
    max_active_runs: row.max_active_runs,
    created_at: isoOf(row.created_at),
    updated_at: isoOf(row.updated_at),
    completed_at: isoOf(row.completed_at),
    progress: Object.fromEntries(await readProgress(moves.database.read, row.id)),
  }
}
