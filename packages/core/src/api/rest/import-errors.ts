import { createHash } from 'node:crypto'
import { z } from 'zod'
import { IMPORT_ERROR_ORDER, listImportErrors, type ImportErrorRow } from '../../db/queries/import-error-reads.ts'
import type { Routes } from '../api-context.ts'
import { notFound } from '../problem.ts'
import { isoOf, pageOf, pageParameters } from './wire.ts'

const importErrorSchema = z
  .object({
    import_error_id: z.int(),
    timestamp: z.string(),
    filename: z.string(),
    bundle_name: z.string().nullable(),
    stack_trace: z.string(),
    /** Fairlead's additions: what kind of mistake it is, and where. */
    kind: z.string(),
    message: z.string(),
    line: z.int().nullable(),
    column: z.int().nullable(),
  })
  .meta({ id: 'ImportErrorResponse' })

const ALL = { limit: 100_000, offset: 0, orderBy: [] }

/** Routes of import errors. */
export const importErrorRoutes: Routes = (app, context) => {
  const { read } = context.moves.database
  app.get(
    '/importErrors',
    {
      schema: {
        tags: ['Import Error'],
        querystring: z.object({ ...pageParameters, filename_pattern: z.string().optional() }),
        response: {
          200: z
            .object({ import_errors: z.array(importErrorSchema), total_entries: z.int() })
            .meta({ id: 'ImportErrorCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const page = pageOf(query, { columns: IMPORT_ERROR_ORDER, fallback: 'id' }, context.config.api.maximumPageLimit)
      const { rows, total } = await listImportErrors(read, { filePattern: query.filename_pattern }, page)
      return { import_errors: rows.map(toWire), total_entries: total }
    },
  )
  app.get(
    '/importErrors/:import_error_id',
    {
      schema: {
        tags: ['Import Error'],
        params: z.object({ import_error_id: z.coerce.number().int() }),
        response: { 200: importErrorSchema },
      },
    },
    async ({ params }) => {
      const { rows } = await listImportErrors(read, {}, ALL)
      const row = rows.find((one) => idOf(one) === params.import_error_id)
      if (row === undefined) throw notFound('import error', String(params.import_error_id))
      return toWire(row)
    },
  )
}

/** A file has one import error at most, so its name makes the id that Airflow's shape wants. */
function idOf(row: ImportErrorRow): number {
  return createHash('sha256').update(`${row.bundle_name}\n${row.file}`).digest().readUInt32BE() >>> 1
}

function toWire(row: ImportErrorRow): z.infer<typeof importErrorSchema> {
  const place =
    row.line === null ? row.file : `${row.file}:${row.line}${row.column_number === null ? '' : `:${row.column_number}`}`
  return {
    import_error_id: idOf(row),
    timestamp: isoOf(row.at),
    filename: row.file,
    bundle_name: row.bundle_name,
    stack_trace: row.stack ?? `${place}: ${row.message}`,
    kind: row.kind,
    message: row.message,
    line: row.line,
    column: row.column_number,
  }
}
