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
import type { Writable } from 'node:stream'
import type { z } from 'zod'
import { ApiTransport, type ApiAnswer, type ApiRequest } from './api-transport.ts'

/**
 * Client of the Task Execution API for one machine: keep-alive connections over TCP or a Unix socket.
 * What the server may well say is a value; only a bug throws.
 */
export class ExecutionApiClient {
  readonly #transport: ApiTransport

  constructor(apiUrl: string, { requestTimeoutMs = 5_000, maxSockets = 32 }: ClientOptions = {}) {
    this.#transport = new ApiTransport(apiUrl, { requestTimeoutMs, maxSockets })
  }

  /** The calls of one task instance. They share its token and whatever renews it. */
  session(taskInstanceId: string, token: string): TaskSession {
    return new TaskSession((call) => this.#call(call), taskInstanceId, token)
  }

  /** Closes idle connections; calls under way end on their own. */
  close(): void {
    this.#transport.close()
  }

  /** One call, tried again on network errors, throttles and 5xx until its budget is spent. */
  async #call({ budgetMs, ...call }: ApiCall): Promise<ApiAnswer> {
    const request = requestOf(call)
    const giveUpAt = performance.now() + budgetMs
    for (let delayMs = FIRST_RETRY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_RETRY_MS)) {
      const answer = await this.#transport.send(request)
      if (answer.kind === 'answered' && answer.status < 500 && answer.status !== TOO_MANY_REQUESTS) return answer
      if (call.signal?.aborted || performance.now() + delayMs > giveUpAt) return answer
      // Spread at random, so that the tasks of one host do not all return to a restarted server at once.
      const isAborted = await pause(delayMs * (0.5 + Math.random()), call.signal)
      if (isAborted) return answer
    }
  }
}

function requestOf({
  token,
  headers,
  contentType = 'application/json',
  ...call
}: Omit<ApiCall, 'budgetMs'>): ApiRequest {
  return {
    ...call,
    headers: {
      authorization: `Bearer ${token}`,
      'airflow-api-version': EXECUTION_API_VERSION,
      [RUNNER_CONTRACT_HEADER]: String(RUNNER_CONTRACT_VERSION),
      ...(call.body === undefined ? {} : { 'content-type': contentType }),
      ...headers,
    },
  }
}

/** How a client calls. */
export interface ClientOptions {
  readonly requestTimeoutMs?: number
  readonly maxSockets?: number
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

  /** Makes a call under this session's token. */
  async call(call: SessionCall, options: CallOptions): Promise<ApiAnswer> {
    const answer = await this.#call({ ...call, ...options, token: this.#token })
    const renewed = answer.kind === 'answered' ? answer.headers[REFRESHED_TOKEN_HEADER] : undefined
    if (typeof renewed === 'string' && renewed !== '') this.#token = renewed
    return answer
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

  #sendJson(
    method: string,
    path: string,
    body: string | undefined,
    { headers = {}, ...options }: SessionCallOptions,
  ): Promise<ApiAnswer> {
    return this.call({ method, path, body, headers }, options)
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

interface ApiCall extends SessionCall, CallOptions {
  readonly token: string
}

/** A call that has no method of its own here. */
export interface SessionCall {
  readonly method: string
  readonly path: string
  readonly body?: string | Buffer | undefined
  /** JSON unless it says otherwise. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Makes what a good answer's body is written to; a call that is repeated asks for another. */
  readonly sink?: () => Writable
}

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 2_000
const TOO_MANY_REQUESTS = 429

function done(answer: ApiAnswer): CallAnswer {
  if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) return { kind: 'done' }
  return refusalOf(answer)
}

/** What an answer says that is not the wanted one. */
export function refusalOf(answer: ApiAnswer): Refusal {
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

function variablePath(key: string): string {
  return `/execution/variables/${encodeURIComponent(key)}`
}

function xcomPath(address: XComAddress): string {
  const path = [address.dagId, address.runId, address.taskId, address.key].map(encodeURIComponent).join('/')
  return `/execution/xcoms/${path}?map_index=${address.mapIndex}`
}

/** Waits; true when the signal ended the wait. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  const options = signal === undefined ? {} : { signal }
  return sleep(ms, undefined, options).then(
    () => false,
    () => true,
  )
}
