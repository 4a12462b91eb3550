import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CallCounts } from './call-counts.ts'
import type { Control } from './control.ts'
import type { Fault, Faults } from './faults.ts'
import type { Identities } from './iam/identities.ts'
import type { RateLimits } from './rate-limits.ts'
import { accessDenied, authenticate, refusal } from './wire/authenticate.ts'
import { AwsError } from './wire/aws-error.ts'
import { identify, type IdentifiedRequest, type WireRequest } from './wire/identify.ts'
import { renderAnswer, renderError, type WireAnswer } from './wire/render.ts'
import type { Service, ServiceName } from './wire/service.ts'

/** Everything that a request passes on its way. */
export interface ServerParts {
  readonly region: string
  readonly services: () => readonly Service[]
  readonly identities: Identities
  readonly faults: Faults
  readonly rateLimits: RateLimits
  readonly calls: CallCounts
  readonly control: Control
  /** Sees each answer with its request, as it went out. */
  readonly onAnswer?: (exchange: Exchange) => void
}

/** One request and its answer. */
export interface Exchange {
  readonly service: ServiceName
  readonly operation: string
  readonly input: unknown
  readonly answer: WireAnswer
  /** True for an error in words of a test's own. */
  readonly isOrdered: boolean
}

/**
 * The HTTP side of the double: one port of loopback for every service, told apart as AWS tells them apart.
 *
 * Invariant: a request is counted, meets its fault, is authenticated and authorised, in this order, before it does anything.
 */
export class DoubleServer {
  readonly #parts: ServerParts
  readonly #server: Server

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.#server = createServer((request, response) => void this.#handle(request, response))
    // Idle connections stay as long as a client keeps them: none is cut by accident.
    this.#server.keepAliveTimeout = 0
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const gone = new AbortController()
    outgoing.on('close', () => gone.abort(new Error('the client is gone')))
    const request = await read(incoming)
    if (request === null) return
    if (request.url.startsWith('/_double')) return send(outgoing, await this.#parts.control.answer(request.body))
    const identified = identify(request)
    const service = this.#parts.services().find(({ name }) => name === identified?.service)
    if (identified === null || service === undefined || service.operations[identified.operation] === undefined)
      return send(outgoing, unknownOperation(request))
    await this.#serve({ request, identified, service, outgoing, signal: gone.signal })
  }

  async #serve({ request, identified, service, outgoing, signal }: Serving): Promise<void> {
    const { name } = service
    const operation = `${name}:${identified.operation}`
    const id = randomUUID()
    this.#parts.calls.add(operation)
    const { latencyMs, fault } = this.#parts.faults.take(operation)
    if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs))
    if (fault?.kind === 'cut') return void outgoing.socket?.destroy()
    const answer = await this.#carryOut({ request, identified, service, fault, signal, id })
    if (fault?.kind === 'loseAnswer') return void outgoing.socket?.destroy()
    const isOrdered = fault?.kind === 'error'
    this.#parts.onAnswer?.({
      service: name,
      operation: identified.operation,
      input: identified.input,
      answer,
      isOrdered,
    })
    send(outgoing, { ...answer, headers: { ...answer.headers, 'x-amzn-requestid': id } })
  }

  async #carryOut({ request, identified, service, fault, signal, id }: CarryingOut): Promise<WireAnswer> {
    const { identities, region } = this.#parts
    const { operation, input } = identified
    try {
      if (!this.#parts.rateLimits.take(`${service.name}:${operation}`)) throw service.throttled(operation)
      const ordered = fault === null ? null : errorOf(fault, service, operation)
      if (ordered !== null) throw ordered
      const caller = authenticate(service.protocol, request, identities, region)
      const noCapacity = fault?.kind === 'capacity' ? (fault.reasons ?? []) : null
      const call = { operation, input, caller, noCapacity, signal }
      const handler = service.operations[operation]
      if (handler === undefined) throw new Error(`${service.name} has no ${operation}`)
      const denied = identities.firstDenied(caller, handler.needs(call))
      if (denied !== null) throw accessDenied(service.protocol, caller, denied)
      return renderAnswer(service.protocol, operation, await handler.run(call), id)
    } catch (error) {
      if (error instanceof AwsError) return renderError(service.protocol, error, id)
      // A mistake of the double: loud, and never taken for an error of AWS that a client may repeat.
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
      return renderError(service.protocol, new AwsError('TheDoubleIsBroken', detail), id)
    }
  }
}

interface Serving {
  readonly request: WireRequest
  readonly identified: IdentifiedRequest
  readonly service: Service
  readonly outgoing: ServerResponse
  readonly signal: AbortSignal
}

interface CarryingOut extends Omit<Serving, 'outgoing'> {
  readonly fault: Fault | null
  readonly id: string
}

function errorOf(fault: Fault, service: Service, operation: string): AwsError | null {
  switch (fault.kind) {
    case 'throttle':
      return service.throttled(operation)
    case 'serverError':
      return service.broken(fault.status ?? 500)
    case 'error':
      return new AwsError(fault.code, fault.message, { status: fault.status ?? 400 })
    case 'expiredCredentials':
      return refusal(service.protocol, 'expired')
    case 'unknownCredentials':
      return refusal(service.protocol, 'unknown')
    case 'capacity':
    case 'loseAnswer':
    case 'cut':
    case 'latency':
      return null
    default:
      return fault satisfies never
  }
}

async function read(incoming: IncomingMessage): Promise<WireRequest | null> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
  } catch {
    // The client went before its request was whole.
    return null
  }
  const { method = 'GET', url = '/', headers } = incoming
  return { method, url, headers, body: Buffer.concat(chunks) }
}

function unknownOperation({ method, url, headers }: WireRequest): WireAnswer {
  const asked = String(headers['x-amz-target'] ?? `${method} ${url}`)
  const body = { __type: 'UnknownOperationException', message: `The double knows nothing of ${asked}.` }
  return {
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-errortype': 'UnknownOperationException' },
    body: JSON.stringify(body),
  }
}

function send(outgoing: ServerResponse, { status, headers, body }: WireAnswer): void {
  outgoing.writeHead(status, headers).end(body)
}
