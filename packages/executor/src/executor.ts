import type { DispatchId, TaskInstanceRef, Workload, WorkloadExit } from '@fairlead/protocol'

/**
 * The executor contract. Core owns queueing, slots, priority, tokens, retries and persistence; an executor starts
 * processes and reports what happened to them, never a task state that a row must believe.
 */

/** Brand by which dispatch recognises an executor, whatever copy of this package made it. */
export const EXECUTOR_BRAND: unique symbol = Symbol.for('fairlead.executor') as never

/** Version of the contract in this file. Dispatch refuses another, naming both. */
export const EXECUTOR_CONTRACT_VERSION = 1

/** What happened to a workload's process. `ended` is reported once; a second one is recorded and dropped. */
export type ExecutorEvent =
  | { kind: 'accepted'; dispatchId: DispatchId; externalId: string | null }
  | { kind: 'running'; dispatchId: DispatchId; externalId: string | null }
  | { kind: 'ended'; dispatchId: DispatchId; exit: WorkloadExit; externalId: string | null }

/** An event with its place in the executor's buffer. Places rise; an acknowledged place is never seen again. */
export interface BufferedEvent {
  readonly place: number
  readonly event: ExecutorEvent
}

/** Small rows of the executor's own, kept with core's and read back after a restart. */
export interface ExecutorStore {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  list(prefix: string): Promise<ReadonlyArray<{ key: string; value: unknown }>>
}

/** Structured log: a constant sentence, facts as fields. */
export interface ExecutorLog {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

/** Time as an argument, so that an executor can be simulated. */
export interface ExecutorClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** What core gives an executor at construction. */
export interface ExecutorHost {
  /** The instance's name in configuration; unique. */
  readonly name: string
  /** The instance's settings, as configured; already validated when the class has a `configSchema`. */
  readonly settings: Readonly<Record<string, unknown>>
  /** How many workloads it may hold at once, at least 1. */
  readonly parallelism: number
  /** Where workers reach the API: `http://…`, or `unix:/path` on this machine. */
  readonly apiUrl: string
  /** Folder for files of this executor instance on this machine (sockets, journals). */
  readonly runFolder: string
  /** Folder under which workers on this machine write logs, and from which the API serves them. */
  readonly logFolder: string
  /** Folder of compiled Dag files on this machine, one folder per content hash. */
  readonly bundleFolder: string
  readonly clock: ExecutorClock
  readonly log: ExecutorLog
  readonly store: ExecutorStore
  /** Wakes dispatch: there are events in the buffer. Safe to call at any time, from any turn. */
  report(event: ExecutorEvent): void
  /** Sets a gauge of this executor, for example `executor.open_slots`. Absent where nothing collects metrics. */
  gauge?(name: string, value: number): void
}

/** What dispatch needs of an executor. `BaseExecutor` is its usual implementation. */
export interface Executor {
  readonly [EXECUTOR_BRAND]: number
  readonly name: string
  readonly parallelism: number
  /** How often dispatch calls `sync`, in milliseconds; null where events are pushed. */
  readonly syncIntervalMs: number | null

  /**
   * Connect and check health. A throw makes the executor unhealthy, with the message shown; the others go on. It is
   * called again, on the same instance, when that may have passed.
   */
  start(signal: AbortSignal): Promise<void>
  /** Accept a workload. Throws for a kind that this executor does not support. A known dispatch id is accepted again quietly. */
  queueWorkload(workload: Workload, options: WorkloadOptions): void
  /**
   * Begin what is queued. Dispatch calls it on each wake-up, and every second while `slotsOccupied` is not 0, which
   * repeats calls of unknown outcome. It never throws for a single workload, and need not wait for what it begins.
   */
  processWorkloads(signal: AbortSignal): Promise<void>
  /** Bring what it runs up to date. Never called while an earlier call is under way. */
  sync(options: SyncOptions): Promise<void>
  /** Events not acknowledged yet, oldest first. Peek, commit, acknowledge. */
  getEventBuffer(): readonly BufferedEvent[]
  /** Forget events up to and including `place`. */
  acknowledgeEvents(place: number): void
  hasTask(dispatchId: DispatchId): boolean
  readonly slotsOccupied: number
  readonly slotsAvailable: number
  /**
   * Watch again what still lives; answers those it could not find. A throw is unknown, and dispatch asks again. What
   * ended since is reported as usual, before or after, and is not among the answers.
   */
  tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]>
  /** Stop and forget; resolves when the work is confirmed gone, quietly for what is unknown or finished. */
  revokeTask(taskInstance: TaskInstanceRef, signal: AbortSignal): Promise<void>
  /** Live log of work in progress, from settings and identity alone, or null when this executor has none. */
  getTaskLog(taskInstance: TaskInstanceRef, tryNumber: number): Promise<AsyncIterable<string> | null>
  /** Graceful: launch nothing more; finish, or detach what another can adopt. */
  end(signal: AbortSignal): Promise<void>
  /** Forced: stop everything. */
  terminate(): Promise<void>
}

/** What `sync` is given: an object, as authors write `sync({ signal })`. */
export interface SyncOptions {
  readonly signal: AbortSignal
}

/** Facts of one workload that are for the executor alone and never travel to the worker. */
export interface WorkloadOptions {
  readonly queue: string
  readonly executorConfig: unknown
}

/** Facts of an executor class that core reads without an instance. Each has a safe default in `BaseExecutor`. */
export interface ExecutorCapabilities {
  readonly supportsCallbacks: boolean
  readonly supportsAdHocTiRun: boolean
  readonly isLocal: boolean
  readonly isSingleThreaded: boolean
  readonly isProduction: boolean
  readonly servesLogs: boolean
  readonly preAssignsExternalExecutorId: boolean
  readonly sentryIntegration: string | null
  readonly changeSensorModeToReschedule: boolean
  /** Schema of the instance's settings, or null for any. */
  readonly configSchema: StandardSchema | null
  /** Schema of a task's `executorConfig`, or null when it takes none. */
  readonly executorConfigSchema: StandardSchema | null
}

/** The part of the Standard Schema interface that core uses; zod, valibot and arktype schemas fit. */
export interface StandardSchema {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    validate(value: unknown): StandardResult | Promise<StandardResult>
  }
}

/** Outcome of a Standard Schema validation. */
export type StandardResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | {
      readonly issues: ReadonlyArray<{
        readonly message: string
        readonly path?: ReadonlyArray<PropertyKey | { key: PropertyKey }> | undefined
      }>
    }

/**
 * An HTTP route that an executor serves to its own workers, mounted under `/executors/{name}`. Until the executor has
 * started and adopted its work, the server answers 503 itself: an executor that knows nothing yet would end live work.
 */
export interface ExecutorRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path below `/executors/{name}`, for example `/jobs/poll`. */
  readonly path: string
  handle(request: ExecutorRequest): Promise<ExecutorResponse>
}

/** A request of an executor's own worker, already authenticated by the instance's worker credential. */
export interface ExecutorRequest {
  readonly executor: Executor
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly signal: AbortSignal
}

/** Answer to an {@link ExecutorRequest}. */
export interface ExecutorResponse {
  readonly status: number
  readonly body?: unknown
}

/** An executor class, as configuration names it. */
export interface ExecutorClass extends ExecutorCapabilities {
  new (host: ExecutorHost): Executor
  getApiRoutes?(): readonly ExecutorRoute[]
}
