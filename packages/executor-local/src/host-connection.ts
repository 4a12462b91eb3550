import { createConnection, type Socket } from 'node:net'
import {
  CONTROL_VERSION,
  hostMessageSchema,
  readJsonLines,
  writeJsonLine,
  type HeldWorkload,
  type HostAnswer,
  type HostCall,
} from '@fairlead/task-runner'

/** One connection to a worker host. Answers find their calls; events go to whoever opened it. */
export class HostConnection {
  readonly #socket: Socket
  readonly #waiting = new Map<number, (answer: HostAnswer | null) => void>()
  readonly #onEvent: (event: HeldWorkload) => void
  /** Resolves when the connection is gone, whichever side closed it. */
  readonly closed: Promise<void>
  #lastId = 0

  private constructor(socket: Socket, onEvent: (event: HeldWorkload) => void) {
    this.#socket = socket
    this.#onEvent = onEvent
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    // The close that follows is what matters.
    socket.on('error', () => undefined)
    socket.once('close', () => this.#abandonCalls())
    readJsonLines(socket, (value) => this.#receive(value))
  }

  /** Connects and says hello. */
  static async open(socketPath: string, timeoutMs: number, onEvent: (event: HeldWorkload) => void): Promise<HostFound> {
    const socket = await connect(socketPath)
    if (socket === null) return { kind: 'absent' }
    const connection = new HostConnection(socket, onEvent)
    const answer = await connection.callWithin(timeoutMs, { kind: 'attach', version: CONTROL_VERSION })
    if (answer?.kind === 'attached') {
      return { kind: 'attached', connection, version: answer.version, pid: answer.pid, held: answer.held }
    }
    connection.close()
    return { kind: 'silent' }
  }

  /** Calls the host; null when the connection was lost before the answer, so that nobody knows. */
  call(call: HostCall): Promise<HostAnswer | null> {
    if (this.#socket.destroyed) return Promise.resolve(null)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      writeJsonLine(this.#socket, { id, call })
    })
  }

  /** Calls the host, and closes the connection when it does not answer in time. */
  async callWithin(timeoutMs: number, call: HostCall): Promise<HostAnswer | null> {
    const timer = setTimeout(() => this.close(), timeoutMs)
    timer.unref()
    const answer = await this.call(call)
    clearTimeout(timer)
    return answer
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(value: unknown): void {
    const parsed = hostMessageSchema.safeParse(value)
    // A host that speaks otherwise is replaced like one that is gone.
    if (!parsed.success) return this.close()
    if ('event' in parsed.data) return this.#onEvent(parsed.data.event)
    const { id, answer } = parsed.data
    this.#waiting.get(id)?.(answer)
    this.#waiting.delete(id)
  }

  #abandonCalls(): void {
    for (const resolve of this.#waiting.values()) resolve(null)
    this.#waiting.clear()
  }
}

/** What became of a hello: a connection, nobody who listens, or somebody who does not answer. */
export type HostFound = OpenedConnection | { readonly kind: 'absent' } | { readonly kind: 'silent' }

/** A connection that has said hello, and what the host holds. */
export interface OpenedConnection {
  readonly kind: 'attached'
  readonly connection: HostConnection
  readonly version: number
  readonly pid: number
  readonly held: readonly HeldWorkload[]
}

function connect(socketPath: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    socket.once('connect', () => resolve(socket))
    socket.once('error', () => resolve(null))
  })
}
