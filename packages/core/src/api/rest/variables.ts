import { isSensitiveName, MASKED, withMaskedSecrets } from '@fairlead/protocol'
import { z } from 'zod'
import { listVariables, VARIABLE_ORDER, type VariableRow } from '../../db/queries/secrets.ts'
import type { Routes } from '../api-context.ts'
import { ApiProblem, notFound } from '../problem.ts'
import type { PlainVariable, SecretStore } from '../vault/secret-store.ts'
import { orUnreadable } from './secret-access.ts'
import { flagParameter, pageOf, pageParameters } from './wire.ts'

const variableSchema = z
  .object({
    key: z.string(),
    value: z.string(),
    description: z.string().nullable(),
    is_encrypted: z.boolean(),
    team_name: z.string().nullable(),
  })
  .meta({ id: 'VariableResponse' })

const bodySchema = z
  .strictObject({
    key: z.string().min(1).max(250),
    value: z.json(),
    description: z.string().nullish(),
    team_name: z.null().optional(),
  })
  .meta({ id: 'VariableBody' })

const changesSchema = bodySchema.partial()

type Changes = z.infer<typeof changesSchema>

const path = z.object({ variable_key: z.string() })
const reveal = z.object({ reveal: flagParameter.default(false) })

/** Routes of variables. Values of sensitive names are masked, unless `reveal` asks for them, which is audited. */
export const variableRoutes: Routes = (app, context) => {
  readRoutes(app, context)
  writeRoutes(app, context)
}

const tags = ['Variable']

const readRoutes: Routes = (app, { secrets, config, moves }) => {
  app.get(
    '/variables',
    {
      schema: {
        tags,
        querystring: z.object({ ...pageParameters, variable_key_pattern: z.string().optional() }),
        response: {
          200: z
            .object({ variables: z.array(variableSchema), total_entries: z.int() })
            .meta({ id: 'VariableCollectionResponse' }),
        },
      },
    },
    async ({ query }) => {
      const page = pageOf(query, { columns: VARIABLE_ORDER, fallback: 'key' }, config.api.maximumPageLimit)
      const { rows, total } = await listVariables(moves.database.read, query.variable_key_pattern, page)
      return { variables: rows.map((row) => shown(secrets, row)), total_entries: total }
    },
  )
  app.get(
    '/variables/:variable_key',
    { schema: { tags, params: path, querystring: reveal, response: { 200: variableSchema } } },
    async ({ params, query, identity }) => {
      const variable = await require(secrets, params.variable_key)
      if (!query.reveal) return masked(variable)
      await secrets.noteReveal({ variable: variable.key }, identity.username)
      return toWire(variable)
    },
  )
}

const writeRoutes: Routes = (app, { secrets }) => {
  app.post(
    '/variables',
    { schema: { tags, body: bodySchema, response: { 201: variableSchema } } },
    async ({ body, identity }, reply) => {
      const variable = plain(body)
      if (!(await secrets.writeVariable(variable, 'create', identity.username))) {
        throw new ApiProblem('CONFLICT', `There is a variable "${variable.key}" already.`, {
          remedy: 'PATCH it instead.',
        })
      }
      return reply.code(201).send(masked(variable))
    },
  )
  app.patch(
    '/variables/:variable_key',
    { schema: { tags, params: path, body: changesSchema, response: { 200: variableSchema } } },
    async ({ params, body, identity }) => {
      const { variable_key: key } = params
      if (body.key !== undefined && body.key !== key) {
        throw new ApiProblem('BAD_REQUEST', 'The key of a variable cannot be changed.', {
          remedy: 'Create one with the new key, and delete this one.',
        })
      }
      const change = (before: PlainVariable): PlainVariable => changed(before, body)
      const after = await orUnreadable(secrets.changeVariable(key, change, identity.username))
      if (after === null) throw unknown(key)
      return masked(after)
    },
  )
  app.delete('/variables/:variable_key', { schema: { tags, params: path } }, async ({ params, identity }, reply) => {
    if (!(await secrets.deleteVariable(params.variable_key, identity.username))) throw unknown(params.variable_key)
    return reply.code(204).send()
  })
}

async function require(secrets: SecretStore, key: string): Promise<PlainVariable> {
  const found = await orUnreadable(secrets.variable(key))
  if (found === null) throw unknown(key)
  return found
}

/** One that cannot be decrypted hides no other of its list. */
function shown(secrets: SecretStore, row: VariableRow): z.infer<typeof variableSchema> {
  const hidden = { key: row.variable_key, value: MASKED, description: row.description }
  if (isSensitiveName(row.variable_key)) return toWire(hidden)
  try {
    return masked(secrets.openVariable(row))
  } catch {
    return toWire(hidden)
  }
}

function plain({
  key,
  value,
  description,
}: {
  key: string
  value: unknown
  description?: string | null | undefined
}): PlainVariable {
  return { key, value: typeof value === 'string' ? value : JSON.stringify(value), description: description ?? null }
}

function changed(before: PlainVariable, { value, description }: Changes): PlainVariable {
  // What was shown masked and comes back so has not been changed.
  const isSame = value === undefined || value === masked(before).value
  return plain({
    key: before.key,
    value: isSame ? before.value : value,
    description: description === undefined ? before.description : description,
  })
}

function masked(variable: PlainVariable): z.infer<typeof variableSchema> {
  return toWire({ ...variable, value: isSensitiveName(variable.key) ? MASKED : maskedText(variable.value) })
}

function maskedText(text: string): string {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? JSON.stringify(withMaskedSecrets(value)) : text
  } catch {
    return text
  }
}

function toWire({ key, value, description }: PlainVariable): z.infer<typeof variableSchema> {
  return { key, value, description, is_encrypted: true, team_name: null }
}

function unknown(key: string): ApiProblem {
  return notFound('variable', key)
}
