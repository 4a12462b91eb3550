import { dagSpecSchema, type DagSpec } from '@fairlead/protocol'
import { z } from 'zod'
import { findDagVersion, findVersions, listDagVersions, VERSION_ORDER } from '../../db/queries/dag-reads.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { notFound } from '../problem.ts'
import { requireDag } from './require.ts'
import { isoOf, pageOf, pageParameters } from './wire.ts'

/** One version of a Dag on the wire. */
export const dagVersionSchema = z
  .object({
    id: z.string(),
    version_number: z.int(),
    dag_id: z.string(),
    dag_display_name: z.string(),
    bundle_name: z.string().nullable(),
    bundle_version: z.string().nullable(),
    bundle_url: z.string().nullable(),
    created_at: z.string(),
  })
  .meta({ id: 'DagVersionResponse' })

type VersionRow = Awaited<ReturnType<typeof listDagVersions>>['rows'][number]

/** A version and its Dag as data. Versions never change. */
export interface KnownVersion {
  readonly wire: z.infer<typeof dagVersionSchema>
  readonly spec: DagSpec
}

/** Versions that were read lately, so that a list of task instances costs no parsing. */
export interface VersionCache {
  of(ids: readonly string[]): Promise<ReadonlyMap<string, KnownVersion>>
}

const CACHED_VERSIONS = 200

/** Opens the cache. */
export function openVersionCache(database: ApiContext['moves']['database']): VersionCache {
  const known = new Map<string, KnownVersion>()
  return {
    async of(ids) {
      const wanted = [...new Set(ids)]
      const missing = wanted.filter((id) => !known.has(id))
      const loaded = [...(await findVersions(database.read, missing))].map(
        ([id, row]) => [id, knownVersion(row)] as const,
      )
      const answer = new Map(loaded)
      for (const id of wanted) {
        const version = known.get(id)
        if (version !== undefined) answer.set(id, version)
      }
      if (known.size + loaded.length > CACHED_VERSIONS) known.clear()
      for (const [id, version] of loaded) known.set(id, version)
      return answer
    },
  }
}

function knownVersion(row: VersionRow): KnownVersion {
  return { wire: toWire(row), spec: dagSpecSchema.parse(JSON.parse(row.spec)) }
}

function toWire(row: VersionRow): z.infer<typeof dagVersionSchema> {
  return {
    id: row.id,
    version_number: row.version_number,
    dag_id: row.dag_id,
    dag_display_name: row.dag_id,
    bundle_name: row.bundle_name,
    bundle_version: row.hash,
    bundle_url: null,
    created_at: isoOf(row.created_at),
  }
}

/** Routes of the versions of a Dag. */
export const dagVersionRoutes: Routes = (app, context) => {
  const { read } = context.moves.database
  app.get(
    '/dags/:dag_id/dagVersions',
    {
      schema: {
        tags: ['DagVersion'],
        params: z.object({ dag_id: z.string() }),
        querystring: z.object(pageParameters),
        response: {
          200: z
            .object({ dag_versions: z.array(dagVersionSchema), total_entries: z.int() })
            .meta({ id: 'DAGVersionCollectionResponse' }),
        },
      },
    },
    async ({ params, query }) => {
      await requireDag(context, params.dag_id)
      const page = pageOf(query, { columns: VERSION_ORDER, fallback: 'id' }, context.config.api.maximumPageLimit)
      const { rows, total } = await listDagVersions(read, params.dag_id, page)
      return { dag_versions: rows.map(toWire), total_entries: total }
    },
  )
  app.get(
    '/dags/:dag_id/dagVersions/:version_number',
    {
      schema: {
        tags: ['DagVersion'],
        params: z.object({ dag_id: z.string(), version_number: z.coerce.number().int() }),
        response: { 200: dagVersionSchema },
      },
    },
    async ({ params }) => {
      await requireDag(context, params.dag_id)
      const row = await findDagVersion(read, params.dag_id, params.version_number)
      if (row === undefined) throw notFound(`version of Dag "${params.dag_id}"`, String(params.version_number))
      return toWire(row)
    },
  )
}
