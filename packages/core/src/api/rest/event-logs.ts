import { z } from 'zod'
import { AUDIT_ORDER, findAudit, listAudit, type AuditRow } from '../../db/queries/audit-log-reads.ts'
import type { Routes } from '../api-context.ts'
import { notFound } from '../problem.ts'
import { isoOf, momentParameter, pageOf, pageParameters, repeated, wireMoment } from './wire.ts'

const eventLogSchema = z
  .object({
    event_log_id: z.int(),
    when: z.string(),
    dag_id: z.string().nullable(),
    task_id: z.string().nullable(),
    run_id: z.string().nullable(),
    map_index: z.int().nullable(),
    try_number: z.int().nullable(),
    event: z.string(),
    logical_date: wireMoment,
    owner: z.string().nullable(),
    extra: z.string().nullable(),
    dag_display_name: z.string().nullable(),
    task_display_name: z.string().nullable(),
  })
  .meta({ id: 'EventLogResponse' })

const listParameters = z.object({
  ...pageParameters,
  dag_id: z.string().optional(),
  task_id: z.string().optional(),
  run_id: z.string().optional(),
  map_index: z.coerce.number().int().optional(),
  try_number: z.coerce.number().int().optional(),
  owner: z.string().optional(),
  event: z.string().optional(),
  excluded_events: repeated(z.string()),
  included_events: repeated(z.string()),
  before: momentParameter.optional(),
  after: momentParameter.optional(),
})

/** Routes of the audit log. */
export const eventLogRoutes: Routes = (app, context) => {
  const { read } = context.moves.database
  app.get(
    '/eventLogs',
    {
      schema: {
        tags: ['Event Log'],
        querystring: listParameters,
        response: {
          200: z
            .object({ event_logs: z.array(eventLogSchema), total_entries: z.int() })
            .meta({ id: 'EventLogCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const filter = {
        dagId: query.dag_id,
        taskId: query.task_id,
        runId: query.run_id,
        mapIndex: query.map_index,
        tryNumber: query.try_number,
        actor: query.owner,
        event: query.event,
        includedEvents: query.included_events,
        excludedEvents: query.excluded_events,
        before: query.before,
        after: query.after,
      }
      const page = pageOf(query, { columns: AUDIT_ORDER, fallback: 'id' }, context.config.api.maximumPageLimit)
      const { rows, total } = await listAudit(read, filter, page)
      return { event_logs: rows.map(toWire), total_entries: total }
    },
  )
  app.get(
    '/eventLogs/:event_log_id',
    {
      schema: {
        tags: ['Event Log'],
        params: z.object({ event_log_id: z.coerce.number().int() }),
        response: { 200: eventLogSchema },
      },
    },
    async ({ params }) => {
      const row = await findAudit(read, params.event_log_id)
      if (row === undefined) throw notFound('event log', String(params.event_log_id))
      return toWire(row)
    },
  )
}

function toWire(row: AuditRow): z.infer<typeof eventLogSchema> {
  return {
    event_log_id: row.seq,
    when: isoOf(row.at),
    dag_id: row.dag_id,
    task_id: row.task_id,
    run_id: row.run_id,
    map_index: row.map_index,
    try_number: row.try_number,
    event: row.event,
    logical_date: null,
    owner: row.actor,
    extra: extraOf(row),
    dag_display_name: row.dag_id,
    task_display_name: row.task_id,
  }
}

function extraOf(row: AuditRow): string | null {
  const { from_state: from, to_state: to, dispatch_id: dispatchId, detail } = row
  if ([from, to, dispatchId, detail].every((fact) => fact === null)) return null
  const parsed: unknown = detail === null ? undefined : JSON.parse(detail)
  return JSON.stringify({
    from: from ?? undefined,
    to: to ?? undefined,
    dispatch_id: dispatchId ?? undefined,
    detail: parsed,
  })
}
