import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ListenError, openRestTokens } from '../api/index.ts'
import type { Part } from './component.ts'
import type { Installation } from './installation.ts'

/** Health and metrics of a component that has no API: `GET /health`, which needs no token, and `GET /metrics`. */

/** How a component fares. */
export interface HealthReport {
  readonly component: string
  readonly isHealthy: boolean
  /** When it last said that it lives. */
  readonly lastBeatAt: number | null
  readonly reason: string | null
}

/** What is served and where. */
export interface HealthServerOptions {
  /** Null for nowhere. */
  readonly address: { readonly host: string; readonly port: number } | null
  /** The configuration key of the port, for the error when it cannot be had. */
  readonly key: string
  report(): HealthReport
}

/** A health server, or the absence of one. */
export interface HealthListening extends Part {
  readonly url: string | null
}

/** Serves until the signal aborts. */
export async function startHealthServer(
  installation: Installation,
  options: HealthServerOptions,
  signal: AbortSignal,
): Promise<HealthListening> {
  const finished = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  if (options.address === null) return { url: null, finished, close: async () => undefined }
  const server = createServer((request, response) => {
    answer(installation, options, request).then(
      ({ status, type, body }) => end(response, status, type, body),
      (error: unknown) => {
        installation.log.error('health request failed', { error })
        end(response, 500, JSON_TYPE, '{"status":"unhealthy"}')
      },
    )
  })
  const url = await listenOn(server, options.address, options.key)
  return { url, finished, close: () => closed(server) }
}

const JSON_TYPE = 'application/json'

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

async function answer(
  installation: Installation,
  { report }: HealthServerOptions,
  request: IncomingMessage,
): Promise<Answer> {
  const path = request.url?.split('?')[0]
  if (request.method === 'GET' && path === '/health') return healthOf(report())
  const { metrics, config } = installation
  if (request.method !== 'GET' || path !== '/metrics' || !config.metrics.isEnabled) {
    return { status: 404, type: JSON_TYPE, body: '{"detail":"Only /health and /metrics are served here."}' }
  }
  if (config.metrics.requiresToken && !(await isKnown(installation, request))) {
    return { status: 401, type: JSON_TYPE, body: '{"detail":"/metrics needs a token of the REST API."}' }
  }
  return { status: 200, type: metrics.contentType, body: await metrics.text() }
}

function healthOf({ component, isHealthy, lastBeatAt, reason }: HealthReport): Answer {
  const status = isHealthy ? 'healthy' : 'unhealthy'
  const beat = lastBeatAt === null ? null : new Date(lastBeatAt).toISOString()
  const body = JSON.stringify({ [component]: { status, [`latest_${component}_heartbeat`]: beat, reason } })
  return { status: isHealthy ? 200 : 503, type: JSON_TYPE, body }
}

async function isKnown({ secret, environment, config }: Installation, request: IncomingMessage): Promise<boolean> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) return false
  const tokens = openRestTokens(secret, environment.clock, config.apiAuth.jwtLeeway)
  return (await tokens.verify(token)).kind === 'known'
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(body)
}

async function listenOn(server: Server, { host, port }: { host: string; port: number }, key: string): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, resolve)
    })
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new ListenError(`Health cannot be served on ${host}:${port}: ${why}. Set ${key} to a free port, or to 0.`, {
      cause,
    })
  }
  const { port: taken } = server.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${taken}`
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
