import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import {
  CONTROL_VERSION,
  hostRequestSchema,
  type HeldWorkload,
  type HostAnswer,
  type HostCall,
} from './control-messages.ts'
import { readJsonLines, writeJsonLine } from './json-lines.ts'
import type { WorkerHost } from './worker-host.ts'

/** The worker host's side of its socket. Events go to every connection that attached: schedulers of one machine share it. */
export class ControlServer {
  readonly #host: WorkerHost
  readonly #server: Server
  readonly #connections = new Set<Socket>()
  readonly #onShutdown: (detail: string) => Promise<void>
  readonly #attached = new Set<Socket>()
  /** Called when an executor attaches, and when the last one is gone. */
  onAttachment: (isAttached: boolean) => void = () => undefined

  constructor(host: WorkerHost, onShutdown: (detail: string) => Promise<void>) {
    this.#host = host
    this.#onShutdown = onShutdown
    this.#server = createServer((socket) => this.#serve(socket))
    host.onEvent = (event) => this.#push(event)
  }

  /** Listens; only this user may connect. */
  async listen(socketPath: string): Promise<void> {
    mkdirSync(dirname(socketPath), { recursive: true, mode: 0o700 })
    rmSync(socketPath, { force: true })
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(socketPath, resolve)
    })
    chmodSync(socketPath, 0o600)
  }

  /** Takes no more calls; connections close once what was said has been sent. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#connections) socket.end()
    const timer = setTimeout(() => this.#connections.forEach((socket) => socket.destroy()), CLOSE_WAIT_MS)
    await closed
    clearTimeout(timer)
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket)
    // The other side's end is seen by `close`.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#connections.delete(socket)
      if (this.#attached.delete(socket) && this.#attached.size === 0) this.onAttachment(false)
    })
    readJsonLines(socket, (value) => {
      const request = hostRequestSchema.safeParse(value)
      if (!request.success) return this.#refuse(socket, value, request.error.message)
      const { id, call } = request.data
      void this.#answer(socket, call).then((answer) => writeJsonLine(socket, { id, answer }))
    })
  }

  async #answer(socket: Socket, call: HostCall): Promise<HostAnswer> {
    try {
      return await this.#perform(socket, call)
    } catch (error) {
      return { kind: 'problem', message: error instanceof Error ? error.message : String(error) }
    }
  }

  async #perform(socket: Socket, call: HostCall): Promise<HostAnswer> {
    switch (call.kind) {
      case 'attach':
        return this.#attach(socket)
      case 'submit':
        this.#host.submit(call.workload)
        return { kind: 'done' }
      case 'cancel':
        await this.#host.cancel(call.dispatchId, call.detail)
        return { kind: 'done' }
      case 'acknowledge':
        this.#host.acknowledge(call.dispatchIds)
        return { kind: 'done' }
      case 'prewarm':
        this.#host.prewarm(call.bundleHash)
        return { kind: 'done' }
      case 'list':
        return { kind: 'held', held: this.#host.held() }
      case 'status':
        return { kind: 'status', pid: process.pid, rssBytes: process.memoryUsage.rss(), ...this.#host.status() }
      case 'leave':
        await this.#leave(socket, call)
        return { kind: 'done' }
      case 'shutdown':
        await this.#onShutdown(call.detail)
        return { kind: 'done' }
    }
  }

  #attach(socket: Socket): HostAnswer {
    this.#attached.add(socket)
    this.onAttachment(true)
    return { kind: 'attached', version: CONTROL_VERSION, pid: process.pid, held: this.#host.held() }
  }

  async #leave(socket: Socket, { detail, dispatchIds }: Extract<HostCall, { kind: 'leave' }>): Promise<void> {
    const isLast = [...this.#attached].every((other) => other === socket)
    if (isLast) return this.#onShutdown(detail)
    await this.#host.end(dispatchIds, detail)
    this.#attached.delete(socket)
  }

  #push(event: HeldWorkload): void {
    for (const socket of this.#attached) writeJsonLine(socket, { event })
  }

  #refuse(socket: Socket, value: unknown, message: string): void {
    const id =
      typeof value === 'object' && value !== null && 'id' in value && Number.isInteger(value.id) ? value.id : -1
    writeJsonLine(socket, { id, answer: { kind: 'problem', message } })
  }
}

const CLOSE_WAIT_MS = 1_000
