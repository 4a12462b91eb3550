import {
  enterRunningSchema,
  heartbeatSchema,
  NONCE_HEADER,
  REFRESHED_TOKEN_HEADER,
  taskStateSchema,
  type TaskStateReport,
} from '@fairlead/protocol'
import { z } from 'zod'
import { findDagRunByKey, type DagRunRow } from '../../db/queries/dag-run-reads.ts'
import { heartbeatTaskInstance } from '../../moves/heartbeat-task-instance.ts'
import { settleTaskInstances, type SettleAnswer, type Settlement } from '../../moves/settle-task-instances.ts'
import { startTaskInstances, type StartAnswer, type StartRequest } from '../../moves/start-task-instances.ts'
import { traceparentOf } from '../../observability/index.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { isOutage } from '../problem-handler.ts'
import { openBatcher } from './batcher.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { refuseForeignRunner } from './runner-contract.ts'
import { runContextOf } from './run-context.ts'
import { workerOfPath } from './worker-token.ts'

const path = z.object({ id: z.string() })

/** Routes by which a worker starts, keeps alive and ends its attempt. */
export const taskInstanceRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { config, moves, executionTokens, metrics } = context
  const isAway = (error: unknown): boolean =>
    error instanceof Error && isOutage(error as Error & { readonly code?: string })
  const starts = openBatcher<StartRequest, StartAnswer>((requests) => startTaskInstances(moves, requests), isAway)
  const settles = openBatcher<Settlement, SettleAnswer>((settlements) => {
    metrics.gauge('execution_api.settle_batch', settlements.length)
    return settleTaskInstances(moves, settlements)
  }, isAway)
  app.addHook('onClose', async () => {
    await Promise.all([starts.drain(), settles.drain()])
  })

  app.patch(
    '/task-instances/:id/run',
    { schema: { params: path, body: enterRunningSchema } },
    async (request, reply) => {
      const { subject } = await workerOfPath(request, context, { id: request.params.id, scope: 'workload' })
      refuseForeignRunner(request)
      const answer = await starts.add(startRequestOf(request.body, subject, request.headers[NONCE_HEADER]))
      if (answer.kind !== 'started') throw refusalOf(answer)
      const { read } = moves.database
      const run = await findDagRunByKey(read, answer.runKey)
      if (run === undefined) throw new Error(`Dag run ${answer.runKey} has no row.`)
      reply.header(REFRESHED_TOKEN_HEADER, await executionTokens.createSession(subject))
      const traceparent = config.traces.otelOn ? traceparentOf(lifeOf(run), subject.dispatchId) : null
      return { ...runContextOf(run, answer), traceparent }
    },
  )

  app.patch(
    '/task-instances/:id/state',
    { schema: { params: path, body: taskStateSchema } },
    async (request, reply) => {
      const { subject } = await workerOfPath(request, context, { id: request.params.id, scope: 'execution' })
      const answer = await settles.add(settlementOf(request.body, subject))
      if (answer.kind !== 'moved' && answer.kind !== 'repeated') throw refusalOf(answer)
      return reply.code(204).send()
    },
  )

  app.put(
    '/task-instances/:id/heartbeat',
    { schema: { params: path, body: heartbeatSchema } },
    async (request, reply) => {
      const { subject, expiresAt } = await workerOfPath(request, context, { id: request.params.id, scope: 'execution' })
      const answer = await heartbeatTaskInstance(moves, { ...subject, ...request.body })
      if (answer.kind !== 'alive') throw refusalOf(answer)
      if (executionTokens.isDueForRenewal(expiresAt)) {
        reply.header(REFRESHED_TOKEN_HEADER, await executionTokens.createSession(subject))
      }
      return reply.code(204).send()
    },
  )
}

const lifeOf = ({ dag_id: dagId, run_id: runId, queued_at: queuedAt }: DagRunRow) => ({ dagId, runId, queuedAt })

type Attempt = Pick<Settlement, 'taskInstanceId' | 'dispatchId'>

function startRequestOf(
  body: z.infer<typeof enterRunningSchema>,
  attempt: Attempt,
  nonce: string | string[] | undefined,
): StartRequest {
  const { hostname, unixname, pid } = body
  return { ...attempt, hostname, unixname, pid, nonce: String(nonce ?? ''), startedAt: momentOf(body.start_date) }
}

function settlementOf(body: TaskStateReport, attempt: Attempt): Settlement {
  return {
    ...attempt,
    actor: 'worker',
    report: { state: body.state, error: body.error ?? null },
    exit: body.exit ?? null,
    endedAt: momentOf(body.end_date),
  }
}

function momentOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw new Refusal(422, 'invalid_body', `"${text}" is no ISO 8601 date and time.`)
  return ms
}
