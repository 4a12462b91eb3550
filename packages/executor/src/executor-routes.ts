import type { Executor } from './executor.ts'

/**
 * An HTTP route that an executor serves to its own workers, mounted under `/executors/{name}`. The API server calls
 * `handle` for each request that carries the instance's worker credential; a throw is answered with 500 and logged, and a
 * handler that hangs holds up its own request alone.
 */
export interface ExecutorRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path below `/executors/{name}`, for example `/jobs/poll`. */
  readonly path: string
  handle(request: ExecutorRequest): Promise<ExecutorResponse>
}

/** A request of an executor's own worker, already authenticated by the instance's worker credential. */
export interface ExecutorRequest {
  /**
   * Where scheduler and API are one process, the instance that runs the work. In an API server of its own, an instance
   * that is never started, with the same settings and the same store; it refuses to report. An executor that is to work
   * there keeps in `host.store` what routes and `sync` both need, and reports from `sync`.
   */
  readonly executor: Executor
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  /** Aborts when the worker hangs up or the server stops. */
  readonly signal: AbortSignal
}

/** Answer to an {@link ExecutorRequest}. */
export interface ExecutorResponse {
  readonly status: number
  readonly body?: unknown
}
