import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createConnection } from 'node:net'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../model/environment.ts'
import type { App } from './api-context.ts'

/** Where the API listens. */
export interface Listening {
  readonly url: string
  readonly socketPath: string | null
  /** Stops accepting, lets requests that are under way go on for a while, then ends them. */
  close(): Promise<void>
}

/** Where to listen and how long to wait at the end. */
export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Null for no socket. */
  readonly socketPath: string | null
  readonly closeTimeoutMs: number
  readonly clock: Clock
}

/** An address that cannot be listened on. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'API_ADDRESS_UNUSABLE'
}

/** Serves everything over TCP, and what workers need over a Unix socket that only the owner may use. */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const local = createServer((request, response) => serveLocally(app, request, response))
  if (options.socketPath !== null) await listenOnSocket(local, options.socketPath)
  const url = await listenOnTcp(app, options, local)
  return {
    url,
    socketPath: options.socketPath,
    close: async () => {
      const over = new AbortController()
      const closed = Promise.all([app.close(), closeServer(local)])
      const late = options.clock.sleep(options.closeTimeoutMs, over.signal).then(
        () => {
          app.server.closeAllConnections()
          local.closeAllConnections()
        },
        () => undefined,
      )
      await closed
      over.abort()
      await late
    },
  }
}

/** The socket is for workers of this machine; people and their tools use TCP. */
function serveLocally(app: App, request: IncomingMessage, response: ServerResponse): void {
  const isForWorkers = request.url?.startsWith('/execution/') === true
  if (isForWorkers || request.url === '/api/v2/monitor/health') {
    app.routing(request, response)
    return
  }
  response.writeHead(404, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({ detail: { reason: 'not_found', message: 'This socket serves the Execution API only.' } }),
  )
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  if (await isListenedOn(path)) {
    throw new ListenError(
      `Another server of this home folder listens at ${path}. Stop it, or give each its own home folder (FAIRLEAD_HOME).`,
    )
  }
  // Whoever made this file is gone.
  await rm(path, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
}

function isListenedOn(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function listenOnTcp(app: App, { host, port }: ListenOptions, local: Server): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (cause) {
    await closeServer(local)
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const why = code === 'EADDRINUSE' ? 'another process uses it' : code
    throw new ListenError(
      `The API cannot listen on ${host}:${port}: ${why}. Set api.port (FAIRLEAD__API__PORT) to a free one, or to 0.`,
      {
        cause,
      },
    )
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
