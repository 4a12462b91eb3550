import { variableBodySchema, type ConnectionResponse, type VariableResponse } from '@fairlead/protocol'
import { z } from 'zod'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { VaultError } from '../vault/vault.ts'
import { Refusal } from './refusal.ts'
import { currentAttempt, workerOf } from './worker-token.ts'

const variablePath = z.object({ key: z.string().min(1).max(250) })
const connectionPath = z.object({ connection_id: z.string() })

/** Routes by which tasks read variables and connections, and write variables. */
export const secretRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { secrets, moves } = context
  app.get('/variables/:key', { schema: { params: variablePath } }, async (request): Promise<VariableResponse> => {
    await workerOf(request, context, 'execution')
    const { key } = request.params
    const found = await readable(secrets.variable(key))
    if (found === null) throw new Refusal(404, 'not_found', `There is no variable "${key}".`)
    return { key, value: found.value }
  })
  app.put('/variables/:key', { schema: { params: variablePath, body: variableBodySchema } }, async (request, reply) => {
    const { key } = request.params
    const actor = await writer(request)
    const { val: value, description } = request.body
    await secrets.writeVariable({ key, value, description: description ?? null }, 'set', actor)
    return reply.code(201).send({ message: 'Variable successfully set' })
  })
  app.delete('/variables/:key', { schema: { params: variablePath } }, async (request, reply) => {
    await secrets.deleteVariable(request.params.key, await writer(request))
    return reply.code(204).send()
  })
  app.get(
    '/connections/:connection_id',
    { schema: { params: connectionPath } },
    async (request): Promise<ConnectionResponse> => {
      await workerOf(request, context, 'execution')
      const { connection_id: id } = request.params
      const found = await readable(secrets.connection(id))
      if (found === null) throw new Refusal(404, 'not_found', `There is no connection "${id}".`)
      const { connType, description, host, login, password, schema, port, extra } = found
      return { conn_id: id, conn_type: connType, description, host, login, password, schema, port, extra }
    },
  )

  /** Only the current attempt of a task writes: a superseded one must not overwrite its successor's values. */
  async function writer(request: Parameters<typeof workerOf>[0]): Promise<string> {
    const { subject } = await workerOf(request, context, 'execution')
    const { dag_id, run_id, task_id } = await moves.database.transaction((tx) => currentAttempt(tx, subject))
    return `task:${dag_id}.${task_id}@${run_id}`
  }
}

/** A secret that cannot be decrypted stays so: the task is told, and does not ask again. */
async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw error instanceof VaultError ? new Refusal(409, 'unreadable', error.message) : error
  }
}
