import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  buildApi,
  ensureAdminAccount,
  listen,
  openExecutionTokens,
  openRestTokens,
  openSharedSecret,
  openSecretStore,
} from '../packages/core/src/api/index.ts'
import type { ApiContext, App, ExecutionTokens, Listening } from '../packages/core/src/api/index.ts'
import { loadConfig, type Config } from '../packages/core/src/config/index.ts'
import { explainTaskInstance } from '../packages/core/src/dispatch/explain-task-instance.ts'
import { factsOfClass } from '../packages/core/src/dispatch/executor-facts.ts'
import { NO_LOG, openMetrics, type Log } from '../packages/core/src/observability/index.ts'
import { gaugeExecutors } from '../packages/core/src/processes/executor-gauges.ts'
import { openMoveMetrics } from '../packages/core/src/processes/move-metrics.ts'
import { systemEnvironment } from '../packages/core/src/processes/system-environment.ts'
import { InstantExecutor, type Play } from './instant-executor.ts'
import { openWorld, type World } from './scheduler-world.ts'

/** Both APIs on real sockets, over a real database file and a running scheduler whose tasks end as the test says. */
export interface ApiWorld {
  readonly world: World
  readonly app: App
  readonly config: Config
  readonly listening: Listening
  readonly executionTokens: ExecutionTokens
  /** Makes tokens that ran out an hour ago. */
  readonly expiredTokens: ExecutionTokens
  readonly password: string
  /** A good token of the REST API. */
  readonly token: string
  /** Calls the REST API over TCP with the good token, or with other headers. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** Calls over the Unix socket with the given token. */
  callLocally(method: string, path: string, options?: CallOptions): Promise<Answer>
  close(): Promise<void>
}

/** What a test sends. */
export interface CallOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** What came back. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  /** The body as JSON; undefined when there is none. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any
}

/** Opens the world in a folder of its own. */
export async function openApiWorld(
  options: {
    play?: Play
    slots?: number
    names?: readonly string[]
    url?: string
    env?: Record<string, string>
    log?: Log
  } & Partial<Pick<ApiContext, 'liveLog' | 'executorViews'>> = {},
): Promise<ApiWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'fl-api-'))
  const environment = systemEnvironment()
  const config = loadConfig({ cwd: folder, env: { FAIRLEAD__API__PORT: '0', ...options.env } })
  const log = options.log ?? NO_LOG
  const names = options.names ?? ['instant']
  const world = await openWorld({
    url: options.url ?? join(folder, 'fairlead.db'),
    executors: (context, host) =>
      names.map(
        (name) => new InstantExecutor(host(name, options.slots ?? 8), context, options.play ?? (() => 'never')),
      ),
  })
  world.start()
  const { clock } = environment
  const secret = await openSharedSecret(world.database, {
    configured: null,
    keysFolder: config.paths.keys,
    now: clock.now(),
  })
  const restTokens = openRestTokens(secret, clock, 10)
  const tokensOf = (seconds: number): ExecutionTokens =>
    openExecutionTokens({ secret, clock, leewaySeconds: 0, ticketSeconds: seconds, sessionSeconds: seconds })
  const executionTokens = tokensOf(600)
  await ensureAdminAccount(world.database, { username: 'admin', keysFolder: config.paths.keys, now: clock.now() })
  const { openAdminPassword } = await import('../packages/core/src/api/auth/key-file.ts')
  const stopping = new AbortController()
  const metrics = openMetrics('airflow')
  const moveMetrics = await openMoveMetrics(world.database, metrics)
  const executors = names.map((name) => ({
    name,
    parallelism: options.slots ?? 8,
    facts: factsOfClass(InstantExecutor),
    executorConfigSchema: null,
  }))
  const context: ApiContext = {
    version: '0.0.0-test',
    config,
    moves: world.context,
    log,
    metrics,
    refreshMetrics: async () => {
      await moveMetrics.catchUp()
      await gaugeExecutors(world.database, executors, clock.now(), metrics)
    },
    restTokens,
    executionTokens,
    executors,
    secrets: openSecretStore(world.database, config, clock),
    explain: (row) => explainTaskInstance(world.context, world.scheduler.dispatcher.offers, row),
    liveLog: options.liveLog ?? (() => Promise.resolve({ kind: 'file', note: null, isFailure: false })),
    executorViews: options.executorViews ?? [],
    executorRoutes: [],
    signal: stopping.signal,
  }
  const app = await buildApi(context)
  const socketPath = join(folder, 'api.sock')
  const listening = await listen(app, { host: '127.0.0.1', port: 0, socketPath, closeTimeoutMs: 200, clock })
  const token = await restTokens.create({ username: 'ada', role: 'admin', client: 'rest_api' }, 600)
  const { hostname, port } = new URL(listening.url)
  return {
    world,
    app,
    config,
    listening,
    executionTokens,
    expiredTokens: tokensOf(-3600),
    password: openAdminPassword(config.paths.keys).password,
    token,
    call: (method, path, { body, headers = { authorization: `Bearer ${token}` } } = {}) =>
      send({ host: hostname, port, method, path }, body, headers),
    callLocally: (method, path, { body, headers = {} } = {}) => send({ socketPath, method, path }, body, headers),
    close: async () => {
      stopping.abort()
      await listening.close()
      await world.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function send(
  target: { host?: string; port?: string; socketPath?: string; method: string; path: string },
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const all = text === undefined ? headers : { 'content-type': 'application/json', ...headers }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...target, headers: { ...all, connection: 'close' } }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve(answerOf(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString())),
      )
    })
    request.on('error', reject)
    request.end(text)
  })
}

function answerOf(status: number, headers: Answer['headers'], text: string): Answer {
  const isJson =
    String(headers['content-type'] ?? '').includes('json') && !String(headers['content-type']).includes('ndjson')
  return { status, headers, text, body: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined }
}
