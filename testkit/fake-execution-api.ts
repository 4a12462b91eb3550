import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A Task Execution API over a Unix socket that remembers what it was told, and misbehaves on request. */
export interface FakeExecutionApi {
  readonly url: string
  readonly requests: readonly RecordedRequest[]
  /** Bodies of `/state` that were accepted, by task instance id. */
  readonly states: ReadonlyMap<string, ReportedState[]>
  /** XComs by `task_id/key`. */
  readonly xcoms: Map<string, unknown>
  readonly variables: Map<string, string>
  /** Bodies of connections by id. */
  readonly connections: Map<string, unknown>
  /** Answers requests instead of the usual rules; null lets them be. */
  intercept: (request: RecordedRequest) => FakeAnswer | null
  /** What `/run` says about another try. */
  shouldRetry: boolean
  heartbeats(id: string): number
  /** Drops every connection and takes no more, as a dead server does. */
  goDown(): Promise<void>
  comeUp(): Promise<void>
  close(): Promise<void>
}

/** One request, as it came. */
export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly token: string
  readonly nonce: string | null
  readonly body: unknown
}

/** What `/state` was told. */
export interface ReportedState {
  readonly state: string
  readonly exit?: { readonly kind: string; readonly [field: string]: unknown }
  readonly error?: { readonly name: string; readonly message: string; readonly stack: string | null }
}

/** An answer out of the ordinary; `drop` closes the connection without one. */
export type FakeAnswer = { status: number; body?: unknown } | { drop: true }

/** Starts the fake. Its socket stays the same while it is down. */
export async function startFakeExecutionApi(): Promise<FakeExecutionApi> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-api-'))
  const socket = join(folder, 'api.sock')
  const requests: RecordedRequest[] = []
  const states = new Map<string, ReportedState[]>()
  let server: Server | null = null
  const fake: FakeExecutionApi = {
    url: `unix:${socket}`,
    requests,
    states,
    xcoms: new Map(),
    variables: new Map(),
    connections: new Map(),
    intercept: () => null,
    shouldRetry: false,
    heartbeats: (id) => requests.filter(({ path }) => path.includes(`${id}/heartbeat`)).length,
    async goDown() {
      const closing = server
      server = null
      closing?.closeAllConnections()
      await new Promise((resolve) => (closing === null ? resolve(null) : closing.close(resolve)))
    },
    async comeUp() {
      server = createServer((request, response) => void handle(request, response))
      await new Promise<void>((resolve) => server?.listen(socket, resolve))
    },
    async close() {
      await fake.goDown()
      rmSync(folder, { recursive: true, force: true })
    },
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = await record(request)
    requests.push(recorded)
    const answer = fake.intercept(recorded) ?? usualAnswer(recorded)
    if ('drop' in answer) return void request.socket.destroy()
    const refreshed =
      recorded.path.endsWith('/run') && answer.status === 200
        ? { 'refreshed-api-token': `session-${recorded.token}` }
        : {}
    response.writeHead(answer.status, { 'content-type': 'application/json', ...refreshed })
    response.end(answer.body === undefined ? '' : JSON.stringify(answer.body))
  }

  function usualAnswer({ method, path, token, body }: RecordedRequest): FakeAnswer {
    const [, , kind = '', ...rest] = (path.split('?')[0] ?? '').split('/').map(decodeURIComponent)
    if (kind === 'xcoms') return xcomAnswer(method, `${rest[2]}/${rest[3]}`, body)
    const [id = '', action] = rest
    if (kind === 'variables') return variableAnswer(method, id, body)
    if (kind === 'connections') {
      const found = fake.connections.get(id)
      return found === undefined ? { status: 404 } : { status: 200, body: found }
    }
    if (action === 'run') return { status: 200, body: runContext(fake.shouldRetry) }
    if (!token.startsWith('session-'))
      return { status: 403, body: { detail: 'the launch ticket is not a session token' } }
    if (action === 'heartbeat') return { status: 204 }
    if (action !== 'state') return { status: 404 }
    if (states.has(id)) return { status: 409, body: { detail: { reason: 'not_running', message: 'already settled' } } }
    states.set(id, [...(states.get(id) ?? []), body as ReportedState])
    return { status: 204 }
  }

  function xcomAnswer(method: string, key: string, body: unknown): FakeAnswer {
    if (method === 'DELETE') return { status: fake.xcoms.delete(key) ? 200 : 404 }
    if (method === 'GET')
      return fake.xcoms.has(key) ? { status: 200, body: { key, value: fake.xcoms.get(key) } } : { status: 404 }
    fake.xcoms.set(key, body)
    return { status: 201 }
  }

  function variableAnswer(method: string, key: string, body: unknown): FakeAnswer {
    if (method === 'DELETE') return { status: fake.variables.delete(key) ? 204 : 404 }
    if (method === 'PUT') {
      fake.variables.set(key, (body as { val: string }).val)
      return { status: 201 }
    }
    const value = fake.variables.get(key)
    return value === undefined ? { status: 404 } : { status: 200, body: { key, value } }
  }

  await fake.comeUp()
  return fake
}

async function record(request: IncomingMessage): Promise<RecordedRequest> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    token: (request.headers.authorization ?? '').replace('Bearer ', ''),
    nonce: (request.headers['fairlead-nonce'] as string | undefined) ?? null,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

function runContext(shouldRetry: boolean): unknown {
  return {
    dag_run: {
      dag_id: 'demo',
      run_id: 'manual__1',
      logical_date: '2026-01-01T00:00:00.000Z',
      data_interval_start: '2026-01-01T00:00:00.000Z',
      data_interval_end: '2026-01-02T00:00:00.000Z',
      run_after: '2026-01-02T00:00:00.000Z',
      start_date: '2026-01-02T00:00:01.000Z',
      end_date: null,
      run_type: 'manual',
      state: 'running',
      conf: { colour: 'green' },
      consumed_asset_events: [],
    },
    task_reschedule_count: 0,
    max_tries: shouldRetry ? 1 : 0,
    variables: [],
    connections: [],
    xcom_keys_to_clear: [],
    should_retry: shouldRetry,
  }
}
