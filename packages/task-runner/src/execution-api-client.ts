import { request as httpRequest, Agent, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  EXECUTION_API_VERSION,
  NONCE_HEADER,
  REFRESHED_TOKEN_HEADER,
  REFUSAL_REASONS,
  RUNNER_CONTRACT_HEADER,
  RUNNER_CONTRACT_VERSION,
  breadcrumbsSchema,
  connectionSchema,
  runContextSchema,
  variableSchema,
  xcomSchema,
  type Breadcrumbs,
  type ConnectionResponse,
  type EnterRunning,
  type Heartbeat,
  type RefusalReason,
  type RunContext,
  type TaskStateReport,
  type VariableBody,
} from '@fairlead/protocol'
import type { z } from 'zod'

/**
 * Client of the Task Execution API for one machine: keep-alive connections over TCP or a Unix socket.
 * What the server may well say is a value; only a bug throws.
 */
export class ExecutionApiClient {
  readonly #agent: Agent
  readonly #target: RequestOptions
  readonly #basePath: string
  readonly #requestTimeoutMs: number

  constructor(apiUrl: string, options: { requestTimeoutMs?: number; maxSockets?: number } = {}) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.maxSockets ?? 32, scheduling: 'lifo' })
    const { target, basePath } = parseApiUrl(apiUrl)
    this.#target = target
    this.#basePath = basePath
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 5_000
  }

  /** The calls of one task instance. They share its token and whatever renews it. */
  session(taskInstanceId: string, token: string): TaskSession {
    return new TaskSession((call) => this.#call(call), taskInstanceId, token)
  }

  /** Closes idle connections; calls under way end on their own. */
  close(): void {
    this.#agent.destroy()
  }

  /** One call, tried again on network errors and 5xx until its budget is spent. */
  async #call(call: ApiCall): Promise<ApiAnswer> {
    const giveUpAt = performance.now() + call.budgetMs
    for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
      const answer = await this.#send(call)
      if (answer.kind === 'answered' && answer.status < 500) return answer
      if (call.signal?.aborted || performance.now() + delayMs > giveUpAt) return answer
      // Spread at random, so that the tasks of one host do not all return to a restarted server at once.
      const isAborted = await pause(delayMs * (0.5 + Math.random()), call.signal)
      if (isAborted) return answer
    }
  }

  #send(call: ApiCall): Promise<ApiAnswer> {
    const body = call.body === undefined ? undefined : Buffer.from(call.body)
    const options: RequestOptions = {
      ...this.#target,
      agent: this.#agent,
      method: call.method,
      path: this.#basePath + call.path,
      headers: {
        authorization: `Bearer ${call.token}`,
        'airflow-api-version': EXECUTION_API_VERSION,
        [RUNNER_CONTRACT_HEADER]: String(RUNNER_CONTRACT_VERSION),
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
        ...call.headers,
      },
    }
    return new Promise((resolve) => {
      const request = httpRequest(options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            kind: 'answered',
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: parseJson(Buffer.concat(chunks).toString()),
          }),
        )
        response.on('error', (error) => resolve(unreachable(error)))
      })
      // Not the `signal` and `timeout` options: the first costs a listener per call, the second does not end the call.
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer in ${this.#requestTimeoutMs} ms`)),
        this.#requestTimeoutMs,
      )
      const onAbort = (): void => void request.destroy(new Error('interrupted'))
      call.signal?.addEventListener('abort', onAbort, { once: true })
      request.on('error', (error) => resolve(unreachable(error)))
      request.on('close', () => {
        clearTimeout(timer)
        call.signal?.removeEventListener('abort', onAbort)
        resolve({ kind: 'unreachable', detail: 'the connection closed before the answer was complete' })
      })
      request.end(body)
    })
  }
}

/** The calls of one task instance, under one token that the server may renew with any answer. */
export class TaskSession {
  readonly #call: (call: ApiCall) => Promise<ApiAnswer>
  readonly #id: string
  #token: string

  constructor(call: (call: ApiCall) => Promise<ApiAnswer>, taskInstanceId: string, token: string) {
    this.#call = call
    this.#id = taskInstanceId
    this.#token = token
  }

  /** The current token: the launch ticket, or once that is redeemed the session's. */
  get token(): string {
    return this.#token
  }

  /** Redeems the launch ticket. The same nonce may repeat it when an answer was lost. */
  async run(body: EnterRunning, nonce: string, options: CallOptions): Promise<RunAnswer> {
    const answer = await this.#send('PATCH', this.#path('run'), body, {
      ...options,
      headers: { [NONCE_HEADER]: nonce },
    })
    if (answer.kind === 'answered' && answer.status === 200) {
      const context = runContextSchema.safeParse(answer.body)
      if (context.success) return { kind: 'started', context: context.data }
      return {
        kind: 'unavailable',
        detail: `the server's answer to /run is not a run context: ${context.error.message}`,
      }
    }
    return refusalOf(answer)
  }

  /** Says that this task still runs. */
  async heartbeat(body: Heartbeat, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#send('PUT', this.#path('heartbeat'), body, options))
  }

  /** Reports the outcome. A refusal means that the attempt was settled without us. */
  async reportState(body: TaskStateReport, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#send('PATCH', this.#path('state'), body, options))
  }

  /** Reads an XCom. */
  async getXCom(key: XComAddress, options: CallOptions): Promise<FoundAnswer<unknown>> {
    const answer = await this.#read(xcomPath(key), xcomSchema, options)
    return answer.kind === 'found' ? { kind: 'found', value: answer.value.value } : answer
  }

  /** Writes an XCom from its JSON text. */
  async setXCom(key: XComAddress, json: string, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#sendJson('POST', xcomPath(key), json, options))
  }

  /** Deletes an XCom; quiet when there is none. */
  async deleteXCom(key: XComAddress, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#send('DELETE', xcomPath(key), undefined, options))
  }

  /** Reads what has ended in the task's run, for a report of its failure. */
  async getBreadcrumbs(
    run: { readonly dagId: string; readonly runId: string },
    options: CallOptions,
  ): Promise<FoundAnswer<Breadcrumbs>> {
    const query = new URLSearchParams({ dag_id: run.dagId, run_id: run.runId })
    return this.#read(`/execution/task-instances/breadcrumbs?${query.toString()}`, breadcrumbsSchema, options)
  }

  /** Reads a variable. */
  async getVariable(key: string, options: CallOptions): Promise<FoundAnswer<string>> {
    const answer = await this.#read(variablePath(key), variableSchema, options)
    return answer.kind === 'found' ? { kind: 'found', value: answer.value.value } : answer
  }

  /** Writes a variable. */
  async setVariable(key: string, body: VariableBody, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#send('PUT', variablePath(key), body, options))
  }

  /** Deletes a variable; quiet when there is none. */
  async deleteVariable(key: string, options: CallOptions): Promise<CallAnswer> {
    return done(await this.#send('DELETE', variablePath(key), undefined, options))
  }

  /** Reads a connection. */
  getConnection(connectionId: string, options: CallOptions): Promise<FoundAnswer<ConnectionResponse>> {
    return this.#read(`/execution/connections/${encodeURIComponent(connectionId)}`, connectionSchema, options)
  }

  async #read<T>(path: string, schema: z.ZodType<T>, options: CallOptions): Promise<FoundAnswer<T>> {
    const answer = await this.#send('GET', path, undefined, options)
    if (answer.kind !== 'answered' || answer.status !== 200) return refusalOf(answer)
    const found = schema.safeParse(answer.body)
    if (found.success) return { kind: 'found', value: found.data }
    return { kind: 'unavailable', detail: `the server's answer to GET ${path} is not what was asked for` }
  }

  #send(method: string, path: string, body: unknown, options: SessionCallOptions): Promise<ApiAnswer> {
    return this.#sendJson(method, path, body === undefined ? undefined : JSON.stringify(body), options)
  }

  async #sendJson(
    method: string,
    path: string,
    body: string | undefined,
    { headers = {}, ...options }: SessionCallOptions,
  ): Promise<ApiAnswer> {
    const answer = await this.#call({ method, path, body, token: this.#token, headers, ...options })
    const renewed = answer.kind === 'answered' ? answer.headers[REFRESHED_TOKEN_HEADER] : undefined
    if (typeof renewed === 'string' && renewed !== '') this.#token = renewed
    return answer
  }

  #path(action: string): string {
    return `/execution/task-instances/${encodeURIComponent(this.#id)}/${action}`
  }
}

/** How long a call may go on trying, and what ends it earlier. */
export interface CallOptions {
  readonly budgetMs: number
  readonly signal?: AbortSignal
}

/** Place of an XCom. */
export interface XComAddress {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  readonly key: string
  readonly mapIndex: number
}

/** Why the server did not do what was asked, or that it could not be reached. */
export type Refusal =
  | { kind: 'refused'; reason: RefusalReason | 'forbidden' | 'rejected'; message: string }
  | { kind: 'notFound' }
  | { kind: 'archived' }
  | { kind: 'unavailable'; detail: string }

/** Answer to `/run`. */
export type RunAnswer = { kind: 'started'; context: RunContext } | Refusal
/** Answer to a call that only succeeds. */
export type CallAnswer = { kind: 'done' } | Refusal
/** Answer to a read. */
export type FoundAnswer<T> = { kind: 'found'; value: T } | Refusal

interface SessionCallOptions extends CallOptions {
  readonly headers?: Record<string, string>
}

interface ApiCall extends CallOptions {
  readonly method: string
  readonly path: string
  readonly body: string | undefined
  readonly token: string
  readonly headers: Record<string, string>
}

type ApiAnswer =
  | { kind: 'answered'; status: number; headers: IncomingHttpHeaders; body: unknown }
  | { kind: 'unreachable'; detail: string }

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 2_000

function done(answer: ApiAnswer): CallAnswer {
  if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) return { kind: 'done' }
  return refusalOf(answer)
}

function refusalOf(answer: ApiAnswer): Refusal {
  if (answer.kind === 'unreachable') return { kind: 'unavailable', detail: answer.detail }
  if (answer.status === 404) return { kind: 'notFound' }
  if (answer.status === 410) return { kind: 'archived' }
  const { reason, message } = detailOf(answer.body)
  if (answer.status >= 500 || answer.status === 429)
    return { kind: 'unavailable', detail: `the server answered ${answer.status}: ${message}` }
  if (reason !== null) return { kind: 'refused', reason, message }
  const forbidden = answer.status === 401 || answer.status === 403
  return {
    kind: 'refused',
    reason: forbidden ? 'forbidden' : 'rejected',
    message: `the server answered ${answer.status}: ${message}`,
  }
}

function detailOf(body: unknown): { reason: RefusalReason | null; message: string } {
  const detail = isRecord(body) ? body['detail'] : undefined
  if (!isRecord(detail))
    return { reason: null, message: typeof detail === 'string' ? detail : JSON.stringify(body ?? null) }
  const reason = REFUSAL_REASONS.find((known) => known === detail['reason']) ?? null
  return { reason, message: typeof detail['message'] === 'string' ? detail['message'] : JSON.stringify(detail) }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
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

function variablePath(key: string): string {
  return `/execution/variables/${encodeURIComponent(key)}`
}

function xcomPath(address: XComAddress): string {
  const path = [address.dagId, address.runId, address.taskId, address.key].map(encodeURIComponent).join('/')
  return `/execution/xcoms/${path}?map_index=${address.mapIndex}`
}

function unreachable(error: Error): ApiAnswer {
  return { kind: 'unreachable', detail: error.message }
}

/** Waits; true when the signal ended the wait. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  const options = signal === undefined ? {} : { signal }
  return sleep(ms, undefined, options).then(
    () => false,
    () => true,
  )
}

function parseApiUrl(apiUrl: string): { target: RequestOptions; basePath: string } {
  if (apiUrl.startsWith('unix:'))
    return { target: { socketPath: apiUrl.slice('unix:'.length), host: 'localhost' }, basePath: '' }
  const url = new URL(apiUrl)
  if (url.protocol !== 'http:') throw new Error(`The API URL "${apiUrl}" is neither http: nor unix:. Set one of these.`)
  return {
    target: { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || 80 },
    basePath: url.pathname.replace(/\/$/, ''),
  }
}
