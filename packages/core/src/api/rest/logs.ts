import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { UNMAPPED } from '@fairlead/protocol'
import { z } from 'zod'
import type { TaskInstanceRow } from '../../db/queries/task-instance-reads.ts'
import { logPathOf } from '../../dispatch/log-path.ts'
import type { ApiContext, Routes } from '../api-context.ts'
import { ApiProblem } from '../problem.ts'
import type { LogChunk } from './log-file.ts'
import { logSource, type LogSource } from './log-source.ts'
import { openRemoteLogs, type RemoteLogs } from './remote-logs.ts'
import { requireTry, type TaskInstancePath } from './require.ts'
import { taskInstancePath } from './task-instances.ts'
import { flagParameter } from './wire.ts'

const parameters = z.object({
  full_content: flagParameter.default(false),
  map_index: z.coerce.number().int().default(UNMAPPED),
  token: z.string().optional(),
  /** Fairlead's addition: keep the stream open and send lines as they are written. */
  follow: flagParameter.default(false),
})

const NDJSON = 'application/x-ndjson'

/** Route of the log of a try: JSON in pages, or NDJSON whole, or followed while the try runs. */
export const logRoutes: Routes = (app, context) => {
  const { logging, paths } = context.config
  const remote =
    logging.remoteBaseLogFolder === null
      ? null
      : openRemoteLogs(logging.remoteBaseLogFolder, join(paths.home, 'fetched-logs'))
  app.get(
    '/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/logs/:try_number',
    {
      schema: {
        tags: ['Task Instance'],
        params: taskInstancePath.extend({ try_number: z.coerce.number().int() }),
        querystring: parameters,
      },
    },
    async ({ params, query, headers }, reply) => {
      const row = await requireTry(context, params, params.try_number, query.map_index)
      const log = await sourceOf(context, row, { path: params, remote })
      if (query.follow || headers.accept?.includes(NDJSON) === true) {
        const closed = AbortSignal.any([context.signal, abortOnClose(reply.raw)])
        const chunks = query.follow ? log.follow(closed) : wholeLog(log)
        return reply.type(NDJSON).send(Readable.from(linesOf(chunks)))
      }
      if (query.full_content) return reply.type('application/json').send(Readable.from(asJson(wholeLog(log))))
      const chunk = await log.read(offsetOf(query.token))
      const isDone = chunk.isAtEnd && (await log.isEnded())
      return { content: chunk.lines.map(parseLine), continuation_token: isDone ? null : tokenOf(chunk.offset) }
    },
  )
}

async function sourceOf(
  context: ApiContext,
  row: TaskInstanceRow,
  { path, remote }: { readonly path: TaskInstancePath; readonly remote: RemoteLogs | null },
): Promise<LogSource> {
  const isEnded = async () => {
    const now = await requireTry(context, path, row.try_number, row.map_index)
    return now.state !== 'running' && now.state !== 'queued' && now.state !== 'scheduled' && now.state !== 'none'
  }
  const live = await context.liveLog(row)
  const file = join(context.config.paths.logs, pathOf(row))
  const { clock } = context.moves.environment
  if (live.kind === 'live' || remote === null || row.ended_at === null || (await isThere(file)))
    return logSource(live, { path: file, clock, isEnded })
  const brought = await remote.bring(pathOf(row), row.ended_at)
  if (brought.kind === 'here')
    return logSource({ kind: 'file', note: null, isFailure: false }, { path: brought.file, clock, isEnded })
  const note = brought.why ?? live.note
  return logSource({ kind: 'file', note, isFailure: live.isFailure }, { path: file, clock, isEnded })
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

function pathOf({
  dag_id: dagId,
  run_id: runId,
  task_id: taskId,
  map_index: mapIndex,
  try_number: tryNumber,
}: TaskInstanceRow): string {
  return logPathOf({ dagId, runId, taskId, mapIndex, tryNumber })
}

async function* wholeLog(log: LogSource): AsyncGenerator<LogChunk> {
  let chunk: LogChunk = { lines: [], offset: 0, isAtEnd: false }
  while (!chunk.isAtEnd) {
    chunk = await log.read(chunk.offset)
    yield chunk
  }
}

async function* linesOf(chunks: AsyncIterable<LogChunk>): AsyncGenerator<string> {
  for await (const { lines } of chunks) {
    if (lines.length > 0) yield `${lines.map((line) => JSON.stringify(parseLine(line))).join('\n')}\n`
  }
}

async function* asJson(chunks: AsyncIterable<LogChunk>): AsyncGenerator<string> {
  let separator = ''
  yield '{"content":['
  for await (const { lines } of chunks) {
    for (const line of lines) {
      yield `${separator}${JSON.stringify(parseLine(line))}`
      separator = ','
    }
  }
  yield '],"continuation_token":null}'
}

/** A line that a crash cut short is shown as it is. */
function parseLine(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line)
    if (typeof parsed === 'object' && parsed !== null) return { event: '', ...parsed }
  } catch {
    // Not JSON: fall through to the plain form.
  }
  return { event: line }
}

function tokenOf(offset: number): string {
  return Buffer.from(String(offset)).toString('base64url')
}

function offsetOf(token: string | undefined): number {
  if (token === undefined) return 0
  const text = Buffer.from(token, 'base64url').toString()
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new ApiProblem('BAD_REQUEST', 'The continuation token is none that this server gave.', {
    remedy: 'Leave it out to read from the beginning.',
  })
}

function abortOnClose(response: NodeJS.EventEmitter): AbortSignal {
  const controller = new AbortController()
  response.once('close', () => controller.abort())
  return controller.signal
}
