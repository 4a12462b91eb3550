import type { DispatchId, ExecuteTask, WorkloadExit } from '@fairlead/protocol'
import type { ExecutorRoute } from '../executor-routes.ts'
import type { Executor } from '../executor.ts'

/**
 * What a trial needs of the world around an executor: a real Task Execution API on sockets, workloads with real
 * tickets, and eyes on what the API was told. `fairlead/conformance` opens one.
 */

/** What a probe task does once it runs. */
export const PROBES = {
  succeed: 'ends at once, with success',
  fail: 'ends at once, with exit code 7',
  sleep: 'sleeps for ten minutes',
  speak: 'says "halfway there", and sleeps for ten minutes',
  hold: 'runs until it is released',
  crash: 'ends itself by SIGSEGV',
  exit: 'a handler that calls process.exit(0) before it returns',
  print: 'writes two megabytes, then succeeds',
  family: 'starts a child that ignores SIGTERM, and waits',
  overrun: 'sleeps past its execution timeout of half a second',
  misplaced: 'asks for a working folder that does not exist',
} as const
/** One of {@link PROBES}. */
export type Probe = keyof typeof PROBES

/** How workloads are made. */
export interface MintOptions {
  /** Priority weight of each workload in turn; the rest have 1. */
  readonly weights?: readonly number[]
  /** How long ago the launch tickets were made. */
  readonly ticketAgeMs?: number
}

/** What the API knows of one attempt. */
export interface Attempt {
  /** State of the task instance. */
  readonly state: string
  /** How many different processes the API let run it. */
  readonly grants: number
  /** Where it runs, as its supervisor said; null before it began. */
  readonly process: { readonly hostname: string; readonly pid: number } | null
  /** Tokens that its worker was given, beside the ticket. */
  readonly sessions: readonly string[]
}

/** One call that the Task Execution API answered, in order. */
export interface ApiCall {
  readonly taskInstanceId: string
  readonly verb: 'run' | 'state' | 'heartbeat'
  readonly status: number
}

/** See the head of this file. */
export interface Laboratory {
  /** Where workers elsewhere reach the API. */
  readonly apiUrl: string
  /** Where workers of this machine reach it: `unix:/path`. */
  readonly localApiUrl: string
  readonly logFolder: string
  readonly bundleFolder: string
  /** Every call of a worker so far. */
  readonly calls: readonly ApiCall[]
  /** Makes an empty folder with a short path. */
  newFolder(): string
  /** Queues `count` workloads of a probe, as core would hand them over. */
  mint(probe: Probe, count: number, options?: MintOptions): Promise<readonly ExecuteTask[]>
  /** Records ends, as dispatch does with the events of an executor. */
  settle(ended: ReadonlyArray<{ readonly dispatchId: DispatchId; readonly exit: WorkloadExit }>): Promise<void>
  attemptOf(workload: ExecuteTask): Promise<Attempt>
  /** A value that a probe left, or undefined. */
  valueOf(workload: ExecuteTask, key: string): Promise<unknown>
  /** Lets a `hold` probe end. */
  release(workload: ExecuteTask): Promise<void>
  /** The API drops every connection, and takes none until `restore`. */
  cut(): void
  restore(): void
  /** Serves the routes of an executor to its workers, or none. */
  mount(mounted: { readonly executor: Executor; readonly routes: readonly ExecutorRoute[] } | null): WorkerMount
  close(): Promise<void>
}

/** Where the workers of a pull executor find its routes. */
export interface WorkerMount {
  readonly url: string
  readonly credential: string
}
