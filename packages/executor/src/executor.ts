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

/** A callback that is due: which one, of which run or task instance, and why. */
export interface CallbackRequest {
  readonly kind: 'onExecute' | 'onSuccess' | 'onFailure' | 'onRetry' | 'onSkipped'
  readonly dagId: string
  readonly runId: string
  /** Null for a callback of the Dag itself. */
  readonly taskInstance: TaskInstanceRef | null
  readonly detail: string
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
  /**
   * What its workers are to find in their environment, beside what is there: how failures are told to Sentry. May hold a
   * secret. Core of an earlier release gives none.
   */
  readonly workerEnvironment?: Readonly<Record<string, string>>
  readonly clock: ExecutorClock
  readonly log: ExecutorLog
  readonly store: ExecutorStore
  /** Wakes dispatch: there are events in the buffer. Safe to call at any time, from any turn. */
  report(event: ExecutorEvent): void
  /** Core's callback outbox. Absent while there is none. */
  sendCallback?(request: CallbackRequest): Promise<void>
  /** Sets a gauge of this executor, for example `executor.open_slots`. Absent where nothing collects metrics. */
  gauge?(name: string, value: number): void
}

/**
 * What core needs of an executor. `BaseExecutor` is its usual implementation. Calls that may take long are time-boxed: one
 * that takes longer has its signal aborted, and its outcome is unknown. An executor is degraded by one call that hangs, by
 * one that keeps the event loop for two seconds, and by the third throw in a row of one member: it is offered nothing, and
 * started again after a pause that grows. The others never notice. `start`, `processWorkloads` and `sync` are not called
 * again while an earlier call of theirs hangs, for up to ten times its limit. A member that answers at once (the getters,
 * `queueWorkload`, `hasTask`) cannot be interrupted, and must never block.
 */
export interface Executor {
  readonly [EXECUTOR_BRAND]: number
  readonly name: string
  readonly parallelism: number
  /** How often dispatch calls `sync`, in milliseconds; null where events are pushed. */
  readonly syncIntervalMs: number | null

  /**
   * Connect and check health. Dispatch calls it once before any work, and again, on the same instance, after the executor
   * was degraded. It never launches anything, and never reports what an adoption has not asked for. A throw or a hang
   * degrades the executor, with the message shown. Saying that all is well when it is not is found out by the calls that
   * follow; after a degradation that is one turn of `processWorkloads` and `sync`, before any work is offered.
   */
  start(signal: AbortSignal): Promise<void>
  /**
   * Gauges, `processWorkloads` up to the open slots, then `sync`, as Airflow's: for `dag.test` and embedders that have no
   * dispatch, once in each turn of their loop. Dispatch never calls it. It throws what the two throw.
   */
  heartbeat(signal?: AbortSignal): Promise<void>
  /**
   * Accept a workload. Dispatch calls it when the hand-over is committed, and again with the same dispatch id when it
   * cannot know that it did: a known one is accepted quietly. It never begins anything, and never blocks. A throw says
   * that this workload never started: it is settled so, alone. One that is accepted and forgotten is found by a sweep
   * and counts as lost; one that is held for too long is revoked, and handed over again.
   */
  queueWorkload(workload: Workload, options: WorkloadOptions): void
  /**
   * Begin what is queued, up to the open slots. Dispatch calls it on each wake-up, and every second while `slotsOccupied`
   * is not 0, which repeats calls of unknown outcome. It never throws for a single workload, and need not wait for what it
   * begins. After a throw or a hang what is queued stays queued.
   */
  processWorkloads(signal: AbortSignal): Promise<void>
  /**
   * Bring what it runs up to date. Dispatch calls it every `syncIntervalMs`, never while an earlier call is under way. It
   * never answers for work that it could not ask about. A throw or a hang changes no task's state;
   * what it reports wrongly is outranked by the task's own word, or else believed.
   */
  sync(options: SyncOptions): Promise<void>
  /**
   * Events not acknowledged yet, oldest first. Dispatch peeks, commits what follows, and acknowledges: it sees an event
   * again until then. Events of a dispatch that is not current, of another executor's, or repeated, are dropped and counted.
   */
  getEventBuffer(): readonly BufferedEvent[]
  /** Forget events up to and including `place`. Dispatch calls it once they are committed, never before. */
  acknowledgeEvents(place: number): void
  /** True while it holds this workload. Sweeps ask; a throw is a yes, and a false no makes work count as lost. */
  hasTask(dispatchId: DispatchId): boolean
  /**
   * What a workload that it holds waits for outside before it can begin, for people, or null when it waits for nothing
   * that is known. The sweep for work that is stuck in queued asks, and leaves alone what waits: to hand it over again
   * would end nothing but its place in the line. An executor that has no such member waits for nothing.
   */
  waitingFor?(dispatchId: DispatchId): string | null
  /** How many workloads it holds. For display and for the pace of `processWorkloads`: core counts slots by its own leases. */
  readonly slotsOccupied: number
  readonly slotsAvailable: number
  /**
   * Watch again what still lives; answers those it could not find. Dispatch calls it after `start`, before any new work,
   * and whenever a scheduler has died, with what that one, or this one before its restart, had running here. It never
   * adopts what is not its own, and never calls gone what it could not ask about: a throw or a hang is unknown, and
   * dispatch asks again. What ended since is reported as usual, before or after, and is not among the answers. What it
   * answers is handed over again if it had not begun, and else counts as lost: a wrong answer may run a task twice, and
   * only the second one's word counts.
   */
  tryAdoptTaskInstances(
    taskInstances: readonly TaskInstanceRef[],
    signal: AbortSignal,
  ): Promise<readonly TaskInstanceRef[]>
  /**
   * Stop and forget; resolves when the work is confirmed gone, quietly for what is unknown or finished. Dispatch calls it
   * for what was cancelled, cleared, drained or replaced, is stuck in queued, or has sent no heartbeat for too long, many
   * at once. It reports nothing of what it stopped. A throw or a hang means not confirmed: the slot stays taken, and the
   * call is repeated; a throw alone says nothing about the executor's health. A false yes lets a second process run beside
   * the first; the first one's word is refused.
   */
  revokeTask(taskInstance: TaskInstanceRef, signal: AbortSignal): Promise<void>
  /** Hand a callback to core's outbox, which runs it once. Core's own; it refuses where the host has no outbox. */
  sendCallback(request: CallbackRequest): Promise<void>
  /**
   * Live log of work that runs, as JSON lines, from settings and identity alone, or null when this executor has none. The
   * API calls it on an instance that was never started, mostly in another process than the scheduler's. It never needs
   * `start`. After a throw or a hang the API serves the log file, where there is one, and says what happened; a stream
   * that breaks ends with a line that says so.
   */
  getTaskLog(taskInstance: TaskInstanceRef, tryNumber: number): Promise<AsyncIterable<string> | null>
  /**
   * Graceful: launch nothing more; finish, or detach what another can adopt. Dispatch calls it once, when the server stops,
   * and takes no events after it. A hang is cut short by the signal; what is left is adopted, or found lost, later.
   */
  end(signal: AbortSignal): Promise<void>
  /** Forced: stop everything, at once. For embedders and tests; a server that is killed calls nothing. */
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
