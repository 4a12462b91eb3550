import type { TraceSpan } from './trace-span.ts'

/** Where spans go. */
export interface TraceSink {
  /** Sends spans. Never rejects. */
  send(spans: readonly TraceSpan[]): Promise<SendAnswer>
  close(): Promise<void>
}

/** `refused`: the receiver will not take these, however often they are sent. */
export type SendAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'unavailable'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string }

/** How a receiver is reached. */
export interface TraceSinkOptions {
  /** Of OTLP over HTTP, with its path. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  readonly version: string
  readonly timeoutMs: number
}

/** Opens the way to a receiver of OTLP. OpenTelemetry is loaded here, and nowhere else. */
export async function openTraceSink(options: TraceSinkOptions): Promise<TraceSink> {
  // The one export that a CommonJS package has in a split bundle too.
  const { default: otlp } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { url, headers, timeoutMs } = options
  const exporter = new otlp.OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs })
  const toReadable = readableSpans(options)
  return {
    send: (spans) =>
      new Promise((resolve) => {
        exporter.export(spans.map(toReadable), ({ code, error }) => resolve(code === 0 ? TAKEN : answerOf(error)))
      }),
    close: () => exporter.shutdown(),
  }
}

const TAKEN: SendAnswer = { kind: 'taken' }

/** What these say of a batch will not change: it is malformed or too large. */
const FINAL_STATUSES: ReadonlySet<unknown> = new Set([400, 413, 415, 422])

function answerOf(error: (Error & { readonly code?: unknown }) | undefined): SendAnswer {
  const detail = error?.message || 'no reason was given'
  return { kind: FINAL_STATUSES.has(error?.code) ? 'refused' : 'unavailable', detail }
}

type ReadableSpan = Parameters<
  InstanceType<typeof import('@opentelemetry/exporter-trace-otlp-http').OTLPTraceExporter>['export']
>[0][number]

/** Spans in the form in which OpenTelemetry's exporter reads them. */
function readableSpans({ serviceName, version }: TraceSinkOptions): (span: TraceSpan) => ReadableSpan {
  const attributes = { 'service.name': serviceName, 'service.version': version }
  const resource = { attributes, merge: () => resource, getRawAttributes: () => Object.entries(attributes) }
  const instrumentationScope = { name: 'fairlead', version }
  return ({ traceId, spanId, parentSpanId, name, startedAt, endedAt, error, ...span }) => {
    const context = (id: string) => ({ traceId, spanId: id, traceFlags: SAMPLED })
    return {
      name,
      kind: INTERNAL,
      spanContext: () => context(spanId),
      ...(parentSpanId === null ? {} : { parentSpanContext: context(parentSpanId) }),
      startTime: hrTimeOf(startedAt),
      endTime: hrTimeOf(endedAt),
      duration: hrTimeOf(endedAt - startedAt),
      ended: true,
      status: error === null ? { code: STATUS_UNSET } : { code: STATUS_ERROR, message: error },
      attributes: { ...span.attributes },
      links: [],
      events: [],
      resource,
      instrumentationScope,
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }
  }
}

const SAMPLED = 1
const INTERNAL = 0
const STATUS_UNSET = 0
const STATUS_ERROR = 2

const hrTimeOf = (ms: number): [number, number] => [Math.floor(ms / 1000), (ms % 1000) * 1_000_000]
