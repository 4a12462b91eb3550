import { MASKED, withMaskedSecrets } from '@fairlead/protocol'
import { z } from 'zod'
import { CONNECTION_ORDER, listConnections, type ConnectionRow } from '../../db/queries/secrets.ts'
import type { Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import type { PlainConnection, SecretStore } from '../vault/secret-store.ts'
import { orUnreadable } from './secret-access.ts'
import { flagParameter, pageOf, pageParameters } from './wire.ts'

const words = z.string().nullish()

const fields = {
  connection_id: z
    .string()
    .max(200)
    .regex(/^[\w.-]+$/, 'takes letters, digits, dots, dashes and underscores'),
  conn_type: z.string().min(1),
  description: words,
  host: words,
  login: words,
  password: words,
  schema: words,
  port: z.int().min(0).max(65_535).nullish(),
  extra: z.string().refine(isJsonObject, 'must be the text of a JSON object').nullish(),
  team_name: z.null().optional(),
}

const bodySchema = z.strictObject(fields).meta({ id: 'ConnectionBody' })
const changesSchema = bodySchema.partial()
const text = z.string().nullable()
const connectionSchema = z
  .object({
    connection_id: z.string(),
    conn_type: z.string(),
    description: text,
    host: text,
    login: text,
    password: text,
    schema: text,
    port: z.int().nullable(),
    extra: text,
    team_name: text,
  })
  .meta({ id: 'ConnectionResponse' })

const path = z.object({ connection_id: z.string() })
const reveal = z.object({ reveal: flagParameter.default(false) })

/** Routes of connections. Passwords are masked, unless `reveal` asks for them, which is audited. */
export const connectionRoutes: Routes = (app, context) => {
  readRoutes(app, context)
  writeRoutes(app, context)
}

const tags = ['Connection']

const readRoutes: Routes = (app, { secrets, config, moves }) => {
  app.get(
    '/connections',
    {
      schema: {
        tags,
        querystring: z.object({ ...pageParameters, connection_id_pattern: z.string().optional() }),
        response: {
          200: z
            .object({ connections: z.array(connectionSchema), total_entries: z.int() })
            .meta({ id: 'ConnectionCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const page = pageOf(query, { columns: CONNECTION_ORDER, fallback: 'connection_id' }, config.api.maximumPageLimit)
      const { rows, total } = await listConnections(moves.database.read, query.connection_id_pattern, page)
      return { connections: rows.map((row) => shown(secrets, row)), total_entries: total }
    },
  )
  app.get(
    '/connections/:connection_id',
    { schema: { tags, params: path, querystring: reveal, response: { 200: connectionSchema } } },
    async ({ params, query, identity }) => {
      const connection = await require(secrets, params.connection_id)
      if (!query.reveal) return masked(connection)
      await secrets.noteReveal({ connection: connection.connectionId }, identity.username)
      return toWire(connection)
    },
  )
}

const writeRoutes: Routes = (app, { secrets }) => {
  app.post(
    '/connections',
    { schema: { tags, body: bodySchema, response: { 201: connectionSchema } } },
    async ({ body, identity }, reply) => {
      const connection = { ...NOTHING, ...plain(body), connectionId: body.connection_id, connType: body.conn_type }
      if (!(await secrets.writeConnection(connection, 'create', identity.username))) {
        throw new ApiProblem('CONFLICT', `There is a connection "${body.connection_id}" already.`, {
          remedy: 'PATCH it instead.',
        })
      }
      return reply.code(201).send(masked(connection))
    },
  )
  app.patch(
    '/connections/:connection_id',
    { schema: { tags, params: path, body: changesSchema, response: { 200: connectionSchema } } },
    async ({ params, body, identity }) => {
      const { connection_id: id } = params
      if (body.connection_id !== undefined && body.connection_id !== id) {
        throw new ApiProblem('BAD_REQUEST', 'The id of a connection cannot be changed.', {
          remedy: 'Create one with the new id, and delete this one.',
        })
      }
      const change = (before: PlainConnection): PlainConnection => ({
        ...before,
        ...plain(unmasked(body, before)),
        connType: body.conn_type ?? before.connType,
      })
      const after = await orUnreadable(secrets.changeConnection(id, change, identity.username))
      if (after === null) throw unknown(id)
      return masked(after)
    },
  )
  app.delete('/connections/:connection_id', { schema: { tags, params: path } }, async ({ params, identity }, reply) => {
    if (!(await secrets.deleteConnection(params.connection_id, identity.username))) throw unknown(params.connection_id)
    return reply.code(204).send()
  })
}

async function require(secrets: SecretStore, id: string): Promise<PlainConnection> {
  const found = await orUnreadable(secrets.connection(id))
  if (found === null) throw unknown(id)
  return found
}

/** One that cannot be decrypted hides no other of its list. */
function shown(secrets: SecretStore, row: ConnectionRow): z.infer<typeof connectionSchema> {
  try {
    return masked(secrets.openConnection(row))
  } catch {
    return toWire({ ...secrets.openConnection({ ...row, password: null, extra: null }), password: MASKED })
  }
}

const NOTHING = { description: null, host: null, login: null, password: null, schema: null, port: null, extra: null }

type Body = z.infer<typeof changesSchema>

/** The fields that a body gives. */
function plain(body: Body): Partial<PlainConnection> {
  const given = Object.keys(NOTHING) as ReadonlyArray<keyof typeof NOTHING>
  return Object.fromEntries(given.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]))
}

/** What was shown masked and comes back so has not been changed. */
function unmasked(body: Body, before: PlainConnection): Body {
  const { password, extra, ...rest } = body
  const shown = masked(before)
  return {
    ...rest,
    ...(password === undefined || password === MASKED ? {} : { password }),
    ...(extra === undefined || extra === shown.extra ? {} : { extra }),
  }
}

function masked(connection: PlainConnection): z.infer<typeof connectionSchema> {
  const { password, extra } = connection
  return toWire({
    ...connection,
    password: password === null ? null : MASKED,
    extra: extra === null ? null : JSON.stringify(withMaskedSecrets(JSON.parse(extra))),
  })
}

function toWire({ connectionId, connType, ...rest }: PlainConnection): z.infer<typeof connectionSchema> {
  return { connection_id: connectionId, conn_type: connType, ...rest, team_name: null }
}

function isJsonObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function unknown(id: string): ApiProblem {
  return notFound('connection', id)
}
