import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ConformanceHooks, Undo } from '@fairlead/executor/conformance'

/** What stands in the way of a call. */
type Fault =
  | { kind: 'none' }
  | { kind: 'outage' }
  | { kind: 'throttle' }
  | { kind: 'refuse'; text: string }
  | { kind: 'loseStart' }

/** A Unix socket before an engine's: passes every call on, and fails it where a trial says so. */
export class FaultySocket {
  readonly path: string
  readonly #engineSocket: string
  readonly #server: Server
  #fault: Fault = { kind: 'none' }

  constructor(path: string, engineSocket: string) {
    this.path = path
    this.#engineSocket = engineSocket
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing))
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.path, resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get hooks(): Pick<ConformanceHooks, 'outage' | 'throttle' | 'refuse' | 'loseAnswer'> {
    return {
      outage: async () => this.#until({ kind: 'outage' }),
      throttle: async () => this.#until({ kind: 'throttle' }),
      refuse: async (text) => this.#until({ kind: 'refuse', text }),
      loseAnswer: async () => void (this.#fault = { kind: 'loseStart' }),
    }
  }

  #until(fault: Fault): Undo {
    this.#fault = fault
    if (fault.kind === 'outage') this.#server.closeAllConnections()
    return async () => void (this.#fault = { kind: 'none' })
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url = '' } = incoming
    const fault = this.#fault
    if (fault.kind === 'outage') return void incoming.socket.destroy()
    if (fault.kind === 'throttle') return answer(outgoing, 503, 'too many requests')
    if (fault.kind === 'refuse' && method === 'POST' && url.startsWith('/containers/create'))
      return answer(outgoing, 400, fault.text)
    const isLost = fault.kind === 'loseStart' && url.endsWith('/start')
    if (isLost) this.#fault = { kind: 'none' }
    this.#pass(incoming, (taken) => {
      if (isLost) return void incoming.socket.destroy()
      outgoing.writeHead(taken.statusCode ?? 502, taken.headers)
      taken.pipe(outgoing)
    })
  }

  #pass(incoming: IncomingMessage, onAnswer: (taken: IncomingMessage) => void): void {
    const { method, url, headers } = incoming
    const passed = request({ socketPath: this.#engineSocket, method, path: url, headers, agent: false }, onAnswer)
    passed.on('error', () => incoming.socket.destroy())
    incoming.socket.once('close', () => passed.destroy())
    incoming.pipe(passed)
  }
}

function answer(outgoing: ServerResponse, status: number, message: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }))
}
