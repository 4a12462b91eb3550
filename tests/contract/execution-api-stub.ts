import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The two calls of the Task Execution API that decide who runs a task instance: a ticket is redeemed once. */
export class ExecutionApiStub {
  /** Every call that was granted, as `run <id>` or `<state> <id>`. */
  readonly granted: string[] = []
  readonly refused: string[] = []
  readonly #sessions = new Map<string, string>()
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      const [, id = '', verb = ''] = /task-instances\/([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? []
      void text(request).then((body) => {
        const session = verb === 'run' ? this.#redeem(id) : this.#settle(id, request, body)
        if (session === null) return response.writeHead(409).end('{}')
        return response.writeHead(verb === 'run' ? 200 : 204, { 'refreshed-api-token': session }).end()
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #redeem(id: string): string | null {
    if (this.#sessions.has(id)) return this.#refuse(`run ${id}`)
    this.#sessions.set(id, `session-${id}`)
    this.granted.push(`run ${id}`)
    return `session-${id}`
  }

  #settle(id: string, request: IncomingMessage, body: string): string | null {
    const { state } = JSON.parse(body) as { state: string }
    if (request.headers.authorization !== `Bearer ${this.#sessions.get(id) ?? ''}`)
      return this.#refuse(`${state} ${id}`)
    this.granted.push(`${state} ${id}`)
    return `session-${id}`
  }

  #refuse(call: string): null {
    this.refused.push(call)
    return null
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
