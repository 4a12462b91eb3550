import { AsyncLocalStorage } from 'node:async_hooks'
import type { Connection } from './connection.ts'
import { AuthorError } from './errors.ts'
import type { JsonValue } from './json.ts'
import { CONTEXT_SLOT, readSlot, writeSlot } from './symbols.ts'

/** Writes to the task's log: a constant sentence, and facts as fields. */
export interface TaskLog {
  debug(event: string, fields?: Record<string, unknown>): void
  info(event: string, fields?: Record<string, unknown>): void
  warn(event: string, fields?: Record<string, unknown>): void
  error(event: string, fields?: Record<string, unknown>): void
}

/** What a running task knows of itself and its run. */
export interface TaskContext {
  readonly dagId: string
  readonly runId: string
  readonly taskId: string
  /** -1 for a task that is not mapped. */
  readonly mapIndex: number
  /** 1 for the first try. */
  readonly tryNumber: number
  /** Null for a run without one. */
  readonly logicalDate: Date | null
  readonly dataInterval: { readonly start: Date; readonly end: Date } | null
  /** What the run was triggered with. */
  readonly conf: Readonly<Record<string, JsonValue>>
  /** Airflow's other word for `conf`. */
  readonly params: Readonly<Record<string, JsonValue>>
  /** W3C trace context of this try, the parent for spans of your own; null where runs are not traced. */
  readonly traceparent: string | null
  /** Aborted when the task must end: cancelled, timed out, superseded or shut down. `reason` says which. */
  readonly signal: AbortSignal
  readonly log: TaskLog
}

/** Which value of which task. What is left out is the current task's. */
export interface XComAddress {
  readonly key?: string
  readonly taskId?: string
  readonly runId?: string
  readonly dagId?: string
  readonly mapIndex?: number
}

/** Values that tasks leave for one another, by key. */
export interface XComClient {
  /** Keeps a value of the current task under a key. */
  push(key: string, value: JsonValue): Promise<void>
  /** A task's value; `key` defaults to its return value. Null when there is none. */
  pull<T = JsonValue>(address: XComAddress): Promise<T | null>
  /** Forgets a value; quiet when there is none. */
  delete(address: XComAddress): Promise<void>
}

/** Values that people and tasks keep in Fairlead, by key, for whoever asks. */
export interface VariableClient {
  /** A variable's text, from `FAIRLEAD_VAR_<KEY>` of the task's environment, or else the server. Null when there is none. */
  get(key: string): Promise<string | null>
  /** The same, read as JSON. Throws when it is none. */
  getJson<T = JsonValue>(key: string): Promise<T | null>
  /** Keeps a value: a text as it is, anything else as JSON. */
  set(key: string, value: JsonValue, options?: { readonly description?: string }): Promise<void>
  /** Forgets a variable; quiet when there is none. */
  delete(key: string): Promise<void>
}

/** What a running task may ask of Fairlead. */
export interface TaskClient {
  readonly xcom: XComClient
  /** Airflow's name for `xcom.pull`. */
  getXCom<T = JsonValue>(address: XComAddress): Promise<T | null>
  /** Airflow's name for `xcom.push`. */
  setXCom(item: { key: string; value: JsonValue }): Promise<void>
  readonly variables: VariableClient
  /** Airflow's name for `variables.get`. */
  getVariable(key: string): Promise<string | null>
  /**
   * A connection, from `FAIRLEAD_CONN_<ID>` of the task's environment (a URI or JSON), or else the server. Null when
   * there is none.
   */
  getConnection(connectionId: string): Promise<Connection | null>
  /**
   * Keeps a text out of this task's log once it resolves. Connections' passwords and sensitive variables are kept out
   * already.
   */
  maskSecret(secret: string): Promise<void>
}

/** What a runner supplies around a handler. */
export interface TaskRuntime {
  readonly context: TaskContext
  readonly xcom: XComClient
  readonly variables: VariableClient
  readonly connection: (connectionId: string) => Promise<Connection | null>
  readonly maskSecret: (secret: string) => Promise<void>
}

/** The running task's context. */
export function getContext(): TaskContext {
  return currentRuntime('getContext').context
}

/** The running task's client. */
export function getClient(): TaskClient {
  const { xcom, variables, connection, maskSecret } = currentRuntime('getClient')
  return {
    xcom,
    getXCom: (address) => xcom.pull(address),
    setXCom: ({ key, value }) => xcom.push(key, value),
    variables,
    getVariable: (key) => variables.get(key),
    getConnection: connection,
    maskSecret,
  }
}

/** Runs `body` as the inside of a task; `getContext` and `getClient` work in everything it starts. */
export function runInTask<T>(runtime: TaskRuntime, body: () => T): T {
  return storage().run(runtime, body)
}

function currentRuntime(caller: string): TaskRuntime {
  const runtime = storage().getStore()
  if (runtime !== undefined) return runtime
  throw new AuthorError('OUTSIDE_TASK', `${caller}() works only inside a running task. Call it in a task's handler.`)
}

function storage(): AsyncLocalStorage<TaskRuntime> {
  const present = readSlot<AsyncLocalStorage<TaskRuntime>>(CONTEXT_SLOT)
  if (present !== undefined) return present
  const created = new AsyncLocalStorage<TaskRuntime>()
  writeSlot(CONTEXT_SLOT, created)
  return created
}
