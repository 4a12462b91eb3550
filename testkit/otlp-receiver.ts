import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A receiver of OTLP over HTTP with JSON bodies, as a collector is: it keeps what it took. */
export class OtlpReceiver {
  /** Status that the next requests get; 200 takes them. */
  status = 200
  /** How many requests came, taken or not. */
  requests = 0
  readonly #spans: ReceivedSpan[] = []
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        this.requests += 1
        const isTraces = request.method === 'POST' && request.url === '/v1/traces'
        if (isTraces && this.status === 200) this.#spans.push(...spansIn(JSON.parse(body) as TraceRequest))
        response.writeHead(isTraces ? this.status : 404, { 'content-type': 'application/json' }).end('{}')
      })
    })
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** What makes a server send its traces here, ten times a second. */
  get environment(): Record<string, string> {
    return {
      FAIRLEAD__TRACES__OTEL_ON: 'true',
      FAIRLEAD__TRACES__OTEL_HOST: '127.0.0.1',
      FAIRLEAD__TRACES__OTEL_PORT: String((this.#server.address() as AddressInfo).port),
      FAIRLEAD__TRACES__EXPORT_INTERVAL: '0.1',
    }
  }

  /** Every span by id. One that was sent twice must have been the same twice. */
  get spans(): readonly ReceivedSpan[] {
    const byId = new Map<string, ReceivedSpan>()
    for (const span of this.#spans) {
      const before = byId.get(span.spanId)
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(span))
        throw new Error(`Span ${span.spanId} came twice and differed: ${JSON.stringify([before, span])}`)
      byId.set(span.spanId, span)
    }
    return [...byId.values()]
  }

  /** The spans of a run's trace, or of all its traces. */
  of(runId: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.attributes['airflow.dag_run.run_id'] === runId)
  }
}

/** One span, as it came. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number>>
  readonly error: string | null
  readonly service: string
}

interface TraceRequest {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: readonly Attribute[] }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: readonly OtlpSpan[] }>
  }>
}

interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code: number; readonly message?: string }
}

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number }
}

function spansIn({ resourceSpans }: TraceRequest): readonly ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? null,
        name: span.name,
        startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
        endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
        attributes: valuesOf(span.attributes),
        error: span.status.code === 2 ? (span.status.message ?? '') : null,
        service: String(valuesOf(resource.attributes)['service.name']),
      })),
    ),
  )
}

function valuesOf(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? '']))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
