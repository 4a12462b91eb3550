import {
  createServer,
  request as httpRequest,
  Agent,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { NONCE_HEADER, REFRESHED_TOKEN_HEADER } from '@fairlead/protocol'
import type { ApiCall } from '@fairlead/executor/conformance'

/**
 * Stands before the API of a trial: passes every byte on, notes what workers were answered, and can be cut, so that
 * workers meet an outage while the API behind it is the real one.
 */
export class Gateway {
  readonly calls: ApiCall[] = []
  /** Nonces that were let run, by task instance: one for each process, however often it asked. */
  readonly grants = new Map<string, Set<string>>()
  /** Session tokens that workers were given, by task instance. */
  readonly sessions = new Map<string, Set<string>>()
  readonly #servers: Server[] = []
  readonly #upstream: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })
  #isCut = false

  /** Passes on to the API at `upstream`, an HTTP address. */
  constructor(upstream: string) {
    this.#upstream = upstream
  }

  /** Listens on a Unix socket and on loopback; answers the address of the latter. */
  async listen(socketPath: string): Promise<string> {
    await this.#open((server, listening) => server.listen(socketPath, listening))
    const tcp = await this.#open((server, listening) => server.listen(0, '127.0.0.1', listening))
    return `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`
  }

  /** Drops every connection, and each new one, until `restore`. */
  cut(): void {
    this.#isCut = true
    for (const server of this.#servers) server.closeAllConnections()
  }

  restore(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    this.#agent.destroy()
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }

  async #open(listen: (server: Server, listening: () => void) => void): Promise<Server> {
    const server = createServer((request, response) => this.#pass(request, response))
    this.#servers.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      listen(server, resolve)
    })
    return server
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isCut) return void request.socket.destroy()
    const { method, headers, url = '/' } = request
    const passed = httpRequest(new URL(url, this.#upstream), { method, headers, agent: this.#agent }, (answer) => {
      this.#note(url, headers[NONCE_HEADER], answer)
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => request.socket.destroy())
    response.once('close', () => passed.destroy())
    request.pipe(passed)
  }

  #note(url: string, nonce: string | string[] | undefined, answer: IncomingMessage): void {
    const status = answer.statusCode ?? 0
    const [, taskInstanceId, verb] = WORKER_CALL.exec(url) ?? []
    if (taskInstanceId === undefined || !isVerb(verb)) return
    this.calls.push({ taskInstanceId, verb, status })
    const session = answer.headers[REFRESHED_TOKEN_HEADER]
    if (typeof session === 'string') addTo(this.sessions, taskInstanceId, session)
    if (verb === 'run' && status === 200) addTo(this.grants, taskInstanceId, String(nonce))
  }
}

const WORKER_CALL = /^\/execution\/task-instances\/([^/]+)\/(\w+)$/

function isVerb(verb: string | undefined): verb is ApiCall['verb'] {
  return verb === 'run' || verb === 'state' || verb === 'heartbeat'
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value))
}
