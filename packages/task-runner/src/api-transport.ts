import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** One call, without its retries. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer | undefined
  readonly signal?: AbortSignal
  /** Makes what a good answer's body is written to, as it comes; without it, the body is read as JSON. */
  readonly sink?: (() => Writable) | undefined
}

/** What came back. */
export type ApiAnswer =
  | { kind: 'answered'; status: number; headers: IncomingHttpHeaders; body: unknown }
  | { kind: 'unreachable'; detail: string }

/** Keep-alive connections to one server: over TCP, with or without TLS, or over a Unix socket. */
export class ApiTransport {
  readonly #send: typeof httpRequest
  readonly #agent: HttpAgent
  readonly #target: RequestOptions
  readonly #basePath: string
  readonly #requestTimeoutMs: number

  constructor(apiUrl: string, options: { requestTimeoutMs: number; maxSockets: number }) {
    const { target, basePath, isSecure } = parseApiUrl(apiUrl)
    const agentOptions = { keepAlive: true, maxSockets: options.maxSockets, scheduling: 'lifo' } as const
    this.#agent = isSecure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions)
    this.#send = isSecure ? httpsRequest : httpRequest
    this.#target = target
    this.#basePath = basePath
    this.#requestTimeoutMs = options.requestTimeoutMs
  }

  /** Sends one request. Whatever stands in its way is an answer. */
  send({ method, path, headers, body, signal, sink }: ApiRequest): Promise<ApiAnswer> {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const options: RequestOptions = {
      ...this.#target,
      agent: this.#agent,
      method,
      path: this.#basePath + path,
      headers: bytes === undefined ? headers : { ...headers, 'content-length': bytes.length },
    }
    return new Promise((resolve) => {
      let answered: IncomingMessage | null = null
      const request = this.#send(options, (response) => {
        answered = response
        // A download may take as long as it likes while something comes.
        if (sink !== undefined) response.on('data', () => timer.refresh())
        readAnswer(response, sink).then(resolve, (error: unknown) => resolve(unreachable(error)))
      })
      // Not the `signal` and `timeout` options: the first costs a listener per call, the second does not end the call.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer in ${this.#requestTimeoutMs} ms`)),
        this.#requestTimeoutMs,
      )
      const onAbort = (): void => void request.destroy(new Error('interrupted'))
      signal?.addEventListener('abort', onAbort, { once: true })
      request.on('error', (error) => resolve(unreachable(error)))
      request.on('close', () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        // What is read to its end may still be on its way to the disk.
        if (answered?.complete !== true) {
          resolve({ kind: 'unreachable', detail: 'the connection closed before the answer was complete' })
        }
      })
      request.end(bytes)
    })
  }

  /** Closes idle connections; calls under way end on their own. */
  close(): void {
    this.#agent.destroy()
  }
}

async function readAnswer(response: IncomingMessage, sink: ApiRequest['sink']): Promise<ApiAnswer> {
  const { statusCode: status = 0, headers } = response
  if (sink !== undefined && status === 200) {
    await pipeline(response, sink())
    return { kind: 'answered', status, headers, body: undefined }
  }
  return { kind: 'answered', status, headers, body: parseJson(await textOf(response)) }
}

function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('end', () => resolve(Buffer.concat(chunks).toString()))
    response.once('error', reject)
  })
}

function parseJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Not ours: a proxy's error page, for example. It is shown as text.
    return { detail: text.slice(0, 500) }
  }
}

function unreachable(error: unknown): ApiAnswer {
  return { kind: 'unreachable', detail: error instanceof Error ? error.message : String(error) }
}

function parseApiUrl(apiUrl: string): { target: RequestOptions; basePath: string; isSecure: boolean } {
  if (apiUrl.startsWith('unix:'))
    return { target: { socketPath: apiUrl.slice('unix:'.length), host: 'localhost' }, basePath: '', isSecure: false }
  const url = new URL(apiUrl)
  const isSecure = url.protocol === 'https:'
  if (!isSecure && url.protocol !== 'http:')
    throw new Error(`The API URL "${apiUrl}" is none of http:, https: and unix:. Set one of these.`)
  return {
    target: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || (isSecure ? 443 : 80) },
    // Airflow writes the address with the API's own path at its end.
    basePath: url.pathname.replace(/(\/execution)?\/*$/, ''),
    isSecure,
  }
}
