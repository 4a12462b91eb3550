import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** A Sentry server as far as SDKs see it: it takes envelopes and keeps the events in them. */
export class FakeSentry {
  readonly events: SentryEvent[] = []
  /** The bodies of all requests, as text. */
  readonly bodies: string[] = []
  /** Takes requests and never answers. */
  isHanging = false
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        this.bodies.push(body)
        if (request.url?.startsWith('/api/7/envelope/') === true) this.events.push(...eventsIn(body))
        if (!this.isHanging) response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
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

  get dsn(): string {
    return `http://publickey@127.0.0.1:${(this.#server.address() as AddressInfo).port}/7`
  }
}

/** An event, as far as tests read it. */
export interface SentryEvent {
  readonly environment?: string
  readonly release?: string
  readonly tags?: Readonly<Record<string, unknown>>
  readonly exception?: { readonly values: ReadonlyArray<{ readonly type: string; readonly value: string }> }
  readonly breadcrumbs?: ReadonlyArray<{ readonly category?: string; readonly data?: unknown }>
  readonly extra?: Readonly<Record<string, unknown>>
}

/** An envelope is lines of JSON: its header, and for each item a header and a payload. */
function eventsIn(envelope: string): readonly SentryEvent[] {
  const [, ...items] = envelope.split('\n').filter((line) => line !== '')
  return items.flatMap((line, index) => {
    if (index % 2 === 1 || (JSON.parse(line) as { type: string }).type !== 'event') return []
    return [JSON.parse(items[index + 1] ?? '{}') as SentryEvent]
  })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}
