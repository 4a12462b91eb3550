import { DEFAULT_POOL, INFINITE_SLOTS } from '@fairlead/protocol'
import { z } from 'zod'
import { listPools, POOL_ORDER, readPool, type PoolWithUse } from '../../db/queries/pool-reads.ts'
import { createPool, deletePool, updatePool } from '../../moves/change-pools.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import { pageOf, pageParameters, repeated } from './wire.ts'

const poolSchema = z
  .object({
    name: z.string(),
    slots: z.int(),
    description: z.string().nullable(),
    include_deferred: z.boolean(),
    occupied_slots: z.int(),
    running_slots: z.int(),
    queued_slots: z.int(),
    scheduled_slots: z.int(),
    open_slots: z.int(),
    deferred_slots: z.int(),
    team_name: z.null(),
  })
  .meta({ id: 'PoolResponse' })

const slots = z.int().min(INFINITE_SLOTS)

const bodySchema = z
  .strictObject({
    name: z.string().min(1).max(256),
    slots,
    description: z.string().nullish(),
    include_deferred: z.boolean().default(false),
    team_name: z.null().optional(),
  })
  .meta({ id: 'PoolBody' })

const patchSchema = z
  .strictObject({
    pool: z.string().nullish(),
    slots: slots.nullish(),
    description: z.string().nullish(),
    include_deferred: z.boolean().nullish(),
    team_name: z.null().optional(),
  })
  .meta({ id: 'PoolPatchBody' })

const path = z.object({ pool_name: z.string() })
const tags = ['Pool']

/** Routes of pools. */
export const poolRoutes: Routes = (app, context) => {
  readRoutes(app, context)
  writeRoutes(app, context)
}

const readRoutes: Routes = (app, context) => {
  const { read } = context.moves.database
  app.get(
    '/pools',
    {
      schema: {
        tags,
        querystring: z.object({ ...pageParameters, pool_name_pattern: z.string().optional() }),
        response: {
          200: z.object({ pools: z.array(poolSchema), total_entries: z.int() }).meta({ id: 'PoolCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const page = pageOf(query, { columns: POOL_ORDER, fallback: 'name' }, context.config.api.maximumPageLimit)
      const { rows, total } = await listPools(read, query.pool_name_pattern, page)
      return { pools: rows.map(toWire), total_entries: total }
    },
  )
  app.get('/pools/:pool_name', { schema: { tags, params: path, response: { 200: poolSchema } } }, ({ params }) =>
    requirePool(context, params.pool_name),
  )
}

const writeRoutes: Routes = (app, context) => {
  app.post(
    '/pools',
    { schema: { tags, body: bodySchema, response: { 201: poolSchema } } },
    async ({ body, identity }, reply) => {
      const { name, include_deferred: includeDeferred, description = null } = body
      const request = { name, slots: body.slots, description, includeDeferred, actor: identity.username }
      if ((await createPool(context.moves, request)).kind === 'exists') {
        throw new ApiProblem('CONFLICT', `There is a pool "${name}" already.`, { remedy: 'PATCH it instead.' })
      }
      return reply.code(201).send(await requirePool(context, name))
    },
  )
  app.patch(
    '/pools/:pool_name',
    {
      schema: {
        tags,
        params: path,
        querystring: z.object({ update_mask: repeated(z.string()) }),
        body: patchSchema,
        response: { 200: poolSchema },
      },
    },
    async ({ params: { pool_name: name }, query, body, identity }) => {
      if (typeof body.pool === 'string' && body.pool !== name) {
        throw new ApiProblem('BAD_REQUEST', 'The name of a pool cannot be changed.', {
          remedy: 'Create one with the new name, and delete this one.',
        })
      }
      const change = changeOf(body, query.update_mask)
      if ((await updatePool(context.moves, { name, change, actor: identity.username })).kind === 'notFound') {
        throw notFound('pool', name)
      }
      return requirePool(context, name)
    },
  )
  app.delete('/pools/:pool_name', { schema: { tags, params: path } }, async ({ params, identity }, reply) => {
    const { kind } = await deletePool(context.moves, { name: params.pool_name, actor: identity.username })
    if (kind === 'notFound') throw notFound('pool', params.pool_name)
    if (kind === 'isDefault') {
      throw new ApiProblem('BAD_REQUEST', `The default pool "${DEFAULT_POOL}" cannot be deleted.`, {
        remedy: 'Give it other slots instead.',
      })
    }
    return reply.code(204).send()
  })
}

/** What of the body counts, by Airflow's mask: all of it where none is given. Null stands for no change. */
function changeOf(body: z.infer<typeof patchSchema>, mask: readonly string[] | undefined) {
  const unknown = mask?.find((field) => !(field in patchSchema.shape))
  if (unknown !== undefined) {
    throw new ApiProblem('BAD_REQUEST', `A pool has no field "${unknown}" to change.`, {
      remedy: `update_mask takes: ${Object.keys(patchSchema.shape).join(', ')}.`,
    })
  }
  const counts = (field: keyof typeof body): boolean => mask === undefined || mask.includes(field)
  return {
    slots: counts('slots') ? (body.slots ?? undefined) : undefined,
    description: counts('description') ? body.description : undefined,
    includeDeferred: counts('include_deferred') ? (body.include_deferred ?? undefined) : undefined,
  }
}

async function requirePool({ moves }: ApiContext, name: string): Promise<z.infer<typeof poolSchema>> {
  const pool = await readPool(moves.database.read, name)
  if (pool === null) throw notFound('pool', name)
  return toWire(pool)
}

/** A pool as Airflow shows it. Nothing is deferred yet. */
function toWire(pool: PoolWithUse): z.infer<typeof poolSchema> {
  return {
    name: pool.name,
    slots: pool.slots,
    description: pool.description,
    include_deferred: pool.include_deferred === 1,
    occupied_slots: pool.occupied,
    running_slots: pool.occupied - pool.queued,
    queued_slots: pool.queued,
    scheduled_slots: pool.scheduled,
    open_slots: pool.slots === INFINITE_SLOTS ? INFINITE_SLOTS : Math.max(0, pool.slots - pool.occupied),
    deferred_slots: 0,
    team_name: null,
  }
}
