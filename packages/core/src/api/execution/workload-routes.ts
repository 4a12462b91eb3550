import { dispatchIdSchema, type RemoteWorkload } from '@fairlead/protocol'
import { z } from 'zod'
import { readDispatches } from '../../db/queries/dispatches.ts'
import { workloadOf } from '../../dispatch/workload-of.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { attemptOf, refuseUnlessQueued } from './attempt-of.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { refuseForeignRunner } from './runner-contract.ts'
import { workerOf } from './worker-token.ts'

const path = z.object({ dispatch_id: dispatchIdSchema })

/** Route by which a worker that was told an id and a ticket learns what to run. It redeems nothing. */
export const workloadRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { config, moves, executors } = context
  app.get('/workloads/:dispatch_id', { schema: { params: path } }, async (request): Promise<RemoteWorkload> => {
    const { subject } = await workerOf(request, context, 'workload')
    if (subject.dispatchId !== request.params.dispatch_id) {
      throw new Refusal(403, 'wrong_dispatch', 'The launch ticket is of another hand-over.')
    }
    refuseForeignRunner(request)
    const { state } = refuseUnlessQueued(await attemptOf(moves.database, subject))
    const found = await moves.database.transaction(async (tx) => {
      const [row] = await readDispatches(tx, [subject.dispatchId])
      // It was given up between the two looks.
      if (row === undefined) throw refusalOf({ kind: 'refused', reason: 'superseded', state })
      return { row, graph: await moves.graphs.of(tx, row.version_id) }
    })
    const facts = executors.find(({ name }) => name === found.row.executor)?.facts
    const { workload } = await workloadOf(found.row, found.graph, {
      mintTicket: () => Promise.resolve(''),
      sentryIntegration: facts?.sentryIntegration ?? null,
    })
    const { token: _ticket, ...reference } = workload
    return {
      workload: reference,
      heartbeatTimeoutMs: config.scheduler.taskInstanceHeartbeatTimeout * 1000,
      logLimitBytes: config.executionApi.logLimit,
    }
  })
}
