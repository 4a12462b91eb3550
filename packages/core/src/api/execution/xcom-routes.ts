import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import { findXComValue } from '../../db/queries/xcom-reads.ts'
import { deleteXCom, upsertXCom } from '../../db/queries/xcom-writes.ts'
import type { Tx } from '../../db/database.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { Refusal } from './refusal.ts'
import { currentAttempt, workerOf, type Worker } from './worker-token.ts'

const path = z.object({ dag_id: z.string(), run_id: z.string(), task_id: z.string(), key: z.string() })
const query = z.object({ map_index: z.coerce.number().int().default(UNMAPPED) })
const schema = { params: path, querystring: query }
const URL = '/xcoms/:dag_id/:run_id/:task_id/:key'

/** Routes by which tasks hand values to each other. Values pass as JSON text and are never rebuilt. */
export const xcomRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { database, environment } = context.moves
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))

  app.get(URL, { schema }, async (request, reply) => {
    await workerOf(request, context, 'execution')
    const { dag_id: dagId, run_id: runId, task_id: taskId, key } = request.params
    const found = await findXComValue(database.read, { dagId, runId, taskId, key, mapIndex: request.query.map_index })
    if (found === undefined) {
      throw new Refusal(404, 'not_found', `Task "${taskId}" has no XCom "${key}" in run "${runId}" of Dag "${dagId}".`)
    }
    return reply.type('application/json').send(`{"key":${JSON.stringify(key)},"value":${found.value}}`)
  })

  app.post(URL, { schema }, async (request, reply) => {
    const worker = await workerOf(request, context, 'execution')
    const value = jsonText(request.body)
    await database.transaction(async (tx) => {
      const runKey = await ownRun(tx, worker, request.params)
      const at = { runKey, taskId: request.params.task_id, mapIndex: request.query.map_index, key: request.params.key }
      await upsertXCom(tx, at, value, environment.clock.now())
    })
    return reply.code(201).send({ message: 'XCom successfully set' })
  })

  app.delete(URL, { schema }, async (request) => {
    const worker = await workerOf(request, context, 'execution')
    await database.transaction(async (tx) => {
      const runKey = await ownRun(tx, worker, request.params)
      await deleteXCom(tx, {
        runKey,
        taskId: request.params.task_id,
        mapIndex: request.query.map_index,
        key: request.params.key,
      })
    })
    return { message: `XCom with key: ${request.params.key} successfully deleted.` }
  })
}

/** Only the current attempt of a task writes the task's values: a superseded one must not overwrite its successor's. */
async function ownRun(tx: Tx, { subject }: Worker, wanted: z.infer<typeof path>): Promise<number> {
  const row = await currentAttempt(tx, subject)
  if (row.dag_id !== wanted.dag_id || row.run_id !== wanted.run_id || row.task_id !== wanted.task_id) {
    throw new Refusal(403, 'wrong_task_instance', 'A task writes its own XComs only.')
  }
  return row.run_key
}

function jsonText(body: unknown): string {
  const text = typeof body === 'string' ? body : ''
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new Refusal(422, 'invalid_body', 'The body of an XCom is one JSON value.')
  }
}
