import { join } from 'node:path'
import type { LogReceipt } from '@fairlead/protocol'
import { z } from 'zod'
import { logPathOf } from '../../dispatch/log-path.ts'
import type { Routes, WorkerApiContext } from '../api-context.ts'
import { attemptOf } from './attempt-of.ts'
import { Refusal, refusalOf } from './refusal.ts'
import { openUploadedLogs } from './uploaded-logs.ts'
import { workerOfPath } from './worker-token.ts'

const path = z.object({ id: z.string() })
const query = z.object({ offset: z.coerce.number().int().min(0) })
const RAW = 'application/octet-stream'

/** How long after a try has ended its worker may send what is left of the log; when it ended is told by another clock. */
const LATE_MS = 24 * 60 * 60 * 1000

/** Route by which a worker without the log folder writes its log where it is looked for. */
export const logUploadRoutes: Routes<WorkerApiContext> = (app, context) => {
  const { config, moves } = context
  const logs = openUploadedLogs(config.executionApi.logLimit)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(RAW, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  app.put(
    '/task-instances/:id/log',
    { schema: { params: path, querystring: query } },
    async (request): Promise<LogReceipt> => {
      const { subject } = await workerOfPath(request, context, {
        id: request.params.id,
        scope: 'execution',
        // Whether the attempt may still write is asked below: its last lines come after its end.
        reprieve: () => Promise.resolve(),
      })
      const attempt = await attemptOf(moves.database, subject)
      const { ended_at: endedAt } = attempt
      if (endedAt !== null && moves.environment.clock.now() - endedAt > LATE_MS) throw refusalOf({ kind: 'archived' })
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const file = join(config.paths.logs, pathOf(attempt))
      const written = await logs.write(file, { dispatchId: subject.dispatchId, offset: request.query.offset, body })
      switch (written.kind) {
        case 'written':
          return { size: written.size }
        case 'gap':
          throw new Refusal(
            409,
            'log_gap',
            `The log has ${written.size} bytes, and these begin at ${request.query.offset}. Send what is between.`,
            { size: written.size },
          )
        case 'full':
          throw new Refusal(
            413,
            'log_full',
            `The log would be larger than execution_api.log_limit (${config.executionApi.logLimit} bytes).`,
            { size: written.size },
          )
        default:
          return written satisfies never
      }
    },
  )
}

type Attempt = Awaited<ReturnType<typeof attemptOf>>

function pathOf(attempt: Attempt): string {
  const { dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex, try_number: tryNumber } = attempt
  return logPathOf({ dagId, runId, taskId, mapIndex, tryNumber })
}
