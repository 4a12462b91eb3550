import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Executor, ExecutorRoute } from '@fairlead/executor'

/** Serves the routes of an executor on loopback, under `/executors/{name}`, to those who know the token. */
export class RouteServer {
  readonly token: string = randomUUID()
  /** How many of the next requests are handled while their answer is lost. */
  loseAnswers = 0
  readonly #server: Server
  #mounted: { executor: Executor; routes: readonly ExecutorRoute[] } | null = null

  constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500).end(String(error))
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  mount(executor: Executor, routes: readonly ExecutorRoute[]): void {
    this.#mounted = { executor, routes }
  }

  /** Drops every connection, as the death of the server would. */
  unmount(): void {
    this.#mounted = null
    this.#server.closeAllConnections()
  }

  async close(): Promise<void> {
    this.unmount()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#mounted === null) return void response.destroy()
    const { executor, routes } = this.#mounted
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url)
    const route = routes.find(
      ({ method, path }) => method === request.method && pathname === `/executors/${executor.name}${path}`,
    )
    if (route === undefined) return void response.writeHead(404).end()
    if (request.headers.authorization !== `Bearer ${this.token}`) return void response.writeHead(401).end()
    const gone = new AbortController()
    response.on('close', () => gone.abort(new Error('the client is gone')))
    const body = JSON.parse((await text(request)) || 'null') as unknown
    const answer = await route.handle({ executor, query: Object.fromEntries(searchParams), body, signal: gone.signal })
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1
      return void response.destroy()
    }
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body))
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
