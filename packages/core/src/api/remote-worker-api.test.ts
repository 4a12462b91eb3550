import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BundleManifest, DispatchId, TaskInstanceId } from '@fairlead/protocol'
import { openApiWorld, type ApiWorld, type Answer } from '../../../../testkit/api-world.ts'
import { chain, dagSpec, taskSpec } from '../../../../testkit/dag-specs.ts'
import { eventually } from '../../../../testkit/eventually.ts'
import { readDispatches } from '../db/queries/dispatches.ts'
import { logPathOf } from '../dispatch/log-path.ts'
import { workloadOf } from '../dispatch/workload-of.ts'

/** What a worker without the files of the server fetches and sends. */

let api: ApiWorld
const LIMIT = 1000

beforeAll(async () => {
  api = await openApiWorld({ slots: 1000, env: { FAIRLEAD__EXECUTION_API__LOG_LIMIT: String(LIMIT) } })
  const retry = { retries: 1, delayMs: 1, backoff: 1, maxDelayMs: 1, jitter: 0 }
  const limits = { maxActiveTasks: 100, maxActiveRuns: 1000 }
  await api.world.register(dagSpec('work', [...chain(2), taskSpec('flaky', { retry })], limits))
})
afterAll(() => api.close())

interface Attempt {
  readonly runId: string
  readonly taskId: string
  readonly id: TaskInstanceId
  readonly dispatchId: DispatchId
  readonly ticket: string
}

async function queued(taskId = 't0'): Promise<Attempt> {
  const runId = await api.world.trigger('work')
  const row = await eventually(async () => {
    const found = await api.world.database.read
      .selectFrom('task_instance')
      .select(['id', 'dispatch_id', 'state'])
      .where('run_id', '=', runId)
      .where('task_id', '=', taskId)
      .executeTakeFirst()
    return found?.state === 'queued' ? found : null
  })
  const subject = { taskInstanceId: row.id as TaskInstanceId, dispatchId: row.dispatch_id as DispatchId }
  const ticket = await api.executionTokens.createTicket(subject)
  return { runId, taskId, id: subject.taskInstanceId, dispatchId: subject.dispatchId, ticket }
}

async function running(taskId = 't0'): Promise<Attempt & { readonly session: string }> {
  const attempt = await queued(taskId)
  const answer = await start(attempt)
  expect(answer.status).toBe(200)
  return { ...attempt, session: String(answer.headers['refreshed-api-token']) }
}

const bearer = (token: string | null) => (token === null ? {} : { authorization: `Bearer ${token}` })
const call = (method: string, path: string, token: string | null, body?: unknown, headers = {}): Promise<Answer> =>
  api.callLocally(method, `/execution${path}`, { body, headers: { ...bearer(token), ...headers } })
const start = ({ id, ticket }: Attempt, nonce = 'n') => {
  const body = { state: 'running', hostname: 'here', unixname: 'me', pid: 7, start_date: '2026-01-01T00:00:00Z' }
  return call('PATCH', `/task-instances/${id}/run`, ticket, body, { 'fairlead-nonce': nonce })
}
const settle = ({ id, session }: { id: string; session: string }, state: string) =>
  call('PATCH', `/task-instances/${id}/state`, session, { state, end_date: new Date().toISOString() })
const fetchWorkload = (dispatchId: string, ticket: string | null, headers = {}) =>
  call('GET', `/workloads/${dispatchId}`, ticket, undefined, headers)
const reasonOf = ({ status, body }: Answer) => [status, body.detail.reason]

describe('a workload by its id', () => {
  it('is what the dispatcher hands over, without the ticket', async () => {
    const { dispatchId, ticket } = await queued()
    const { status, body } = await fetchWorkload(dispatchId, ticket)
    const { graphs } = api.world.context
    const { token: _token, ...handedOver } = await api.world.database.transaction(async (tx) => {
      const [row] = await readDispatches(tx, [dispatchId])
      if (row === undefined) throw new Error('no dispatch')
      const context = { mintTicket: () => Promise.resolve('secret'), sentryIntegration: null }
      return (await workloadOf(row, await graphs.of(tx, row.version_id), context)).workload
    })
    expect(status).toBe(200)
    expect(body).toEqual({ workload: handedOver, heartbeatTimeoutMs: 300_000, logLimitBytes: LIMIT })
  })

  it('is told as often as it is asked for, and redeems nothing', async () => {
    const attempt = await queued()
    await fetchWorkload(attempt.dispatchId, attempt.ticket)
    expect((await fetchWorkload(attempt.dispatchId, attempt.ticket)).status).toBe(200)
    expect((await start(attempt)).status).toBe(200)
  })

  it('is refused without a ticket, with a session, and with rubbish', async () => {
    const { dispatchId, session } = await running()
    expect(reasonOf(await fetchWorkload(dispatchId, null))).toEqual([401, 'missing_token'])
    expect(reasonOf(await fetchWorkload(dispatchId, session))).toEqual([403, 'wrong_scope'])
    expect(reasonOf(await fetchWorkload(dispatchId, 'rubbish'))).toEqual([403, 'invalid_token'])
    expect(reasonOf(await fetchWorkload(dispatchId, api.token))).toEqual([403, 'invalid_token'])
  })

  it('is refused to the ticket of another hand-over', async () => {
    const [mine, theirs] = [await queued(), await queued()]
    expect(reasonOf(await fetchWorkload(theirs.dispatchId, mine.ticket))).toEqual([403, 'wrong_dispatch'])
  })

  it('is refused to a ticket that has expired', async () => {
    const { id, dispatchId } = await queued()
    const ticket = await api.expiredTokens.createTicket({ taskInstanceId: id, dispatchId })
    expect(reasonOf(await fetchWorkload(dispatchId, ticket))).toEqual([403, 'expired_token'])
  })

  it('is refused when another worker has redeemed the ticket', async () => {
    const { dispatchId, ticket } = await running()
    const answer = await fetchWorkload(dispatchId, ticket)
    expect(reasonOf(answer)).toEqual([409, 'ticket_used'])
    expect(answer.body.detail.previous_state).toBe('running')
  })

  it('is refused to a hand-over that another one has followed', async () => {
    const { id } = await queued()
    const dispatchId = '01890000-0000-7000-8000-000000000002' as DispatchId
    const ticket = await api.executionTokens.createTicket({ taskInstanceId: id, dispatchId })
    expect(reasonOf(await fetchWorkload(dispatchId, ticket))).toEqual([409, 'superseded'])
  })

  it('is refused when the try has ended', async () => {
    const over = await running()
    await settle(over, 'success')
    expect(reasonOf(await fetchWorkload(over.dispatchId, over.ticket))).toEqual([409, 'invalid_state'])
    const archived = await running('flaky')
    await settle(archived, 'up_for_retry')
    expect(reasonOf(await fetchWorkload(archived.dispatchId, archived.ticket))).toEqual([410, 'archived'])
  })

  it('is refused to a runner of another version, naming both', async () => {
    const { dispatchId, ticket } = await queued()
    const answer = await fetchWorkload(dispatchId, ticket, { 'fairlead-runner-contract': '99' })
    expect(reasonOf(answer)).toEqual([409, 'incompatible_runner'])
  })
})

describe('a bundle', () => {
  const ASSET = Buffer.from([0, 255, 10, 13, 128])
  const hash = 'a'.repeat(64)

  beforeAll(async () => {
    await api.world.database.transaction(({ query }) => query.updateTable('dag_version').set({ hash }).execute())
    put(hash, 'manifest.json', '{}')
    put(hash, 'bundle.mjs', 'export {}\n')
    put(hash, 'data/wörds & more.bin', ASSET)
    put(hash, 'empty.txt', '')
    put('other', 'manifest.json', '{}')
    writeFileSync(join(api.config.paths.bundles, 'secret.txt'), 'secret')
    symlinkSync('../secret.txt', join(api.config.paths.bundles, hash, 'link.txt'))
  })

  function put(bundle: string, path: string, content: string | Buffer): void {
    const file = join(api.config.paths.bundles, bundle, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, content)
  }

  const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex')

  it('is listed with the size and the digest of each file, to a ticket and to a session', async () => {
    const { ticket } = await queued()
    const { session } = await running()
    for (const token of [ticket, session]) {
      const { status, body } = await call('GET', `/bundles/${hash}`, token)
      expect(status).toBe(200)
      expect(body).toEqual({
        hash,
        files: [
          { path: 'bundle.mjs', size: 10, sha256: sha256('export {}\n') },
          { path: 'data/wörds & more.bin', size: 5, sha256: sha256(ASSET) },
          { path: 'empty.txt', size: 0, sha256: sha256('') },
          { path: 'manifest.json', size: 2, sha256: sha256('{}') },
        ],
      })
    }
  })

  it('gives each of them, byte by byte', async () => {
    const { ticket } = await queued()
    const { body } = await call('GET', `/bundles/${hash}`, ticket)
    for (const { path, sha256: digest, size } of (body as BundleManifest).files) {
      const bytes = await download(
        `/bundles/${hash}/files/${path.split('/').map(encodeURIComponent).join('/')}`,
        ticket,
      )
      expect([bytes.length, sha256(bytes)]).toEqual([size, digest])
    }
  })

  it('is listed anew when its source map changed', async () => {
    const { ticket } = await queued()
    put(hash, 'bundle.mjs.map', 'one')
    const before = await call('GET', `/bundles/${hash}`, ticket)
    put(hash, 'bundle.mjs.map', 'another')
    const after = await call('GET', `/bundles/${hash}`, ticket)
    rmSync(join(api.config.paths.bundles, hash, 'bundle.mjs.map'))
    const digests = [before, after].map(
      ({ body }) => (body as BundleManifest).files.find(({ path }) => path === 'bundle.mjs.map')?.sha256,
    )
    expect(digests).toEqual([sha256('one'), sha256('another')])
  })

  it.each([
    '../secret.txt',
    '%2e%2e/secret.txt',
    '%2e%2e%2fsecret.txt',
    'data/../../secret.txt',
    '..%5csecret.txt',
    '%2fetc%2fpasswd',
    'link.txt',
    'data',
    '',
    'bundle.mjs%00',
  ])('gives nothing for "%s"', async (path) => {
    const { ticket } = await queued()
    const answer = await call('GET', `/bundles/${hash}/files/${path}`, ticket)
    expect([400, 403, 404]).toContain(answer.status)
    expect(answer.text).not.toContain('secret.txt":')
    expect(answer.text).not.toBe('secret')
  })

  it('of another attempt is refused, and so is one that is none', async () => {
    const { ticket } = await queued()
    for (const wrong of ['other', 'none'])
      expect(reasonOf(await call('GET', `/bundles/${wrong}`, ticket))).toEqual([403, 'wrong_bundle'])
    expect((await call('GET', '/bundles/..', ticket)).status).toBeGreaterThanOrEqual(400)
  })

  it('is refused to a ticket that was redeemed, and to an attempt that has ended', async () => {
    const attempt = await running()
    expect(reasonOf(await call('GET', `/bundles/${hash}`, attempt.ticket))).toEqual([409, 'ticket_used'])
    await settle(attempt, 'success')
    expect(reasonOf(await call('GET', `/bundles/${hash}`, attempt.session))).toEqual([409, 'not_running'])
    expect(reasonOf(await call('GET', `/bundles/${hash}`, null))).toEqual([401, 'missing_token'])
  })

  it('that this server does not have is missed with where it is looked for', async () => {
    const { ticket } = await queued()
    rmSync(join(api.config.paths.bundles, hash, 'manifest.json'))
    const answer = await call('GET', `/bundles/${hash}`, ticket)
    put(hash, 'manifest.json', '{}')
    expect(reasonOf(answer)).toEqual([404, 'not_found'])
    expect(answer.body.detail.message).toContain(api.config.paths.bundles)
  })
})

describe('a log in pieces', () => {
  type Running = Awaited<ReturnType<typeof running>>
  const send = (attempt: Pick<Running, 'id'>, token: string, offset: number, text: string | Buffer) =>
    upload(`/task-instances/${attempt.id}/log?offset=${offset}`, token, Buffer.from(text))
  const fileOf = ({ runId, taskId }: Attempt, tryNumber = 1) =>
    join(api.config.paths.logs, logPathOf({ dagId: 'work', runId, taskId, mapIndex: -1, tryNumber }))
  const line = (event: string) => `${JSON.stringify({ event, level: 'info' })}\n`

  it('is served as any other log', async () => {
    const attempt = await running()
    const [one, two] = [line('one'), line('two')]
    expect((await send(attempt, attempt.session, 0, one)).body).toEqual({ size: one.length })
    expect((await send(attempt, attempt.session, one.length, two)).body).toEqual({ size: one.length + two.length })
    await settle(attempt, 'success')
    const { runId } = attempt
    const path = `/api/v2/dags/work/dagRuns/${encodeURIComponent(runId)}/taskInstances/t0/logs/1?full_content=true`
    const { body } = await api.call('GET', path)
    expect(body.content.map(({ event }: { event: string }) => event)).toEqual(['one', 'two'])
  })

  it('takes a piece again, in whole and in part, and changes nothing', async () => {
    const attempt = await running()
    await send(attempt, attempt.session, 0, 'abcdef')
    expect((await send(attempt, attempt.session, 0, 'abcdef')).body).toEqual({ size: 6 })
    expect((await send(attempt, attempt.session, 2, 'cd')).body).toEqual({ size: 6 })
    expect((await send(attempt, attempt.session, 4, 'efgh')).body).toEqual({ size: 8 })
    expect(readFileSync(fileOf(attempt), 'utf8')).toBe('abcdefgh')
  })

  it('takes the same piece twice at once as one', async () => {
    const attempt = await running()
    await send(attempt, attempt.session, 0, 'ab')
    await Promise.all(Array.from({ length: 5 }, () => send(attempt, attempt.session, 2, 'cdef')))
    expect(readFileSync(fileOf(attempt), 'utf8')).toBe('abcdef')
  })

  it('takes no piece that leaves a gap, and says where to go on', async () => {
    const attempt = await running()
    await send(attempt, attempt.session, 0, 'ab')
    const answer = await send(attempt, attempt.session, 5, 'x')
    expect(reasonOf(answer)).toEqual([409, 'log_gap'])
    expect(answer.body.detail.size).toBe(2)
    expect(readFileSync(fileOf(attempt), 'utf8')).toBe('ab')
  })

  it('grows to the limit and not beyond', async () => {
    const attempt = await running()
    await send(attempt, attempt.session, 0, 'x'.repeat(LIMIT))
    const answer = await send(attempt, attempt.session, LIMIT, 'y')
    expect(reasonOf(answer)).toEqual([413, 'log_full'])
    expect(answer.body.detail.size).toBe(LIMIT)
    expect(readFileSync(fileOf(attempt))).toHaveLength(LIMIT)
  })

  it('begins behind what another hand-over of the same try left', async () => {
    const attempt = await running()
    mkdirSync(dirname(fileOf(attempt)), { recursive: true })
    writeFileSync(fileOf(attempt), 'earlier\n')
    await send(attempt, attempt.session, 0, 'ab')
    await send(attempt, attempt.session, 2, 'cd')
    expect((await send(attempt, attempt.session, 0, 'ab')).body).toEqual({ size: 4 })
    expect(readFileSync(fileOf(attempt), 'utf8')).toBe('earlier\nabcd')
  })

  it('may be sent after the end of its try, also when that is archived or the session has expired', async () => {
    const attempt = await running('flaky')
    await settle(attempt, 'up_for_retry')
    expect((await send(attempt, attempt.session, 0, 'ab')).status).toBe(200)
    const late = await api.expiredTokens.createSession({ taskInstanceId: attempt.id, dispatchId: attempt.dispatchId })
    expect((await send(attempt, late, 2, 'cd')).status).toBe(200)
    expect(readFileSync(fileOf(attempt), 'utf8')).toBe('abcd')
  })

  it('may not be sent long after the end', async () => {
    const attempt = await running()
    await settle(attempt, 'success')
    await api.world.database.transaction(async ({ query }) => {
      const ended_at = api.world.context.environment.clock.now() - 25 * 60 * 60 * 1000
      await query.updateTable('task_instance').set({ ended_at }).where('id', '=', attempt.id).execute()
    })
    expect(reasonOf(await send(attempt, attempt.session, 0, 'ab'))).toEqual([410, 'archived'])
  })

  it('is taken from its own worker alone', async () => {
    const [mine, theirs] = [await running(), await running()]
    expect(reasonOf(await send(theirs, mine.session, 0, 'x'))).toEqual([403, 'wrong_task_instance'])
    expect(reasonOf(await send(mine, mine.ticket, 0, 'x'))).toEqual([403, 'wrong_scope'])
    const dispatchId = '01890000-0000-7000-8000-000000000002' as DispatchId
    const stale = await api.executionTokens.createSession({ taskInstanceId: mine.id, dispatchId })
    expect(reasonOf(await send(mine, stale, 0, 'x'))).toEqual([409, 'superseded'])
  })

  it.each(['offset=-1', 'offset=x', ''])('needs a place to begin: "%s" is none', async (query) => {
    const attempt = await running()
    const answer = await upload(`/task-instances/${attempt.id}/log?${query}`, attempt.session, Buffer.from('x'))
    expect(reasonOf(answer)).toEqual([422, 'invalid_body'])
  })
})

function download(path: string, token: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const target = { socketPath: api.listening.socketPath ?? '', path: `/execution${path}`, headers: bearer(token) }
    httpRequest({ ...target, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks)))
    })
      .on('error', reject)
      .end()
  })
}

function upload(path: string, token: string, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...bearer(token), 'content-type': 'application/octet-stream' }
    const target = { socketPath: api.listening.socketPath ?? '', method: 'PUT', path: `/execution${path}`, headers }
    httpRequest({ ...target, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: JSON.parse(text) as unknown,
        })
      })
    })
      .on('error', reject)
      .end(body)
  })
}
