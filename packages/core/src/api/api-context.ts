import type { Executor, ExecutorRoute, ExecutorView } from '@fairlead/executor'
import type { FastifyInstance, FastifyBaseLogger, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Config } from '../config/index.ts'
import type { TaskInstanceRow } from '../db/queries/task-instance-reads.ts'
import type { ConfiguredInstance } from '../dispatch/executor-overview.ts'
import type { Explanation } from '../dispatch/explanation.ts'
import type { MoveContext } from '../moves/move-context.ts'
import type { Log, Metrics, ServedMetrics } from '../observability/index.ts'
import type { RestTokens } from './auth/rest-tokens.ts'
import type { ExecutionTokens } from './execution/execution-tokens.ts'
import type { SecretStore } from './vault/secret-store.ts'

/** What both APIs work with. */
export interface ApiContext {
  readonly version: string
  readonly config: Config
  readonly moves: MoveContext
  readonly log: Log
  readonly metrics: ServedMetrics
  /** Brings what is only counted now and then up to date; before each scrape. */
  refreshMetrics(): Promise<void>
  readonly restTokens: RestTokens
  readonly executionTokens: ExecutionTokens
  /** The executors that are configured here; the first is the default. */
  readonly executors: readonly ConfiguredInstance[]
  /** Variables and connections. */
  readonly secrets: SecretStore
  /** Why a task instance is where it is. */
  explain(row: TaskInstanceRow): Promise<Explanation>
  /** Where the log of a try is: with its executor, or in a file. Never rejects for a fault of the executor's. */
  liveLog(row: TaskInstanceRow): Promise<LiveLog>
  /** What executors show of themselves, those without views left out. */
  readonly executorViews: readonly MountedViews[]
  /** Routes that executor classes serve to their own workers. */
  readonly executorRoutes: readonly MountedRoutes[]
  /** Aborts when the server stops: open streams end. */
  readonly signal: AbortSignal
}

/** Where the log of a try is. */
export type LiveLog =
  | { readonly kind: 'live'; readonly stream: AsyncIterable<string> }
  /** In a file, with what its reader should know: always after a failure, else only where there is no file. */
  | { readonly kind: 'file'; readonly note: string | null; readonly isFailure: boolean }

/** The views of one executor. */
export interface MountedViews {
  readonly executor: string
  readonly views: readonly MountedView[]
  /** An instance that is never started. Throws what its constructor throws. */
  instance(): Executor
}

/** A view whose schema can be read. */
export interface MountedView {
  readonly view: ExecutorView
  /** What is wrong with data by the view's own schema, or null. */
  problemWith(data: unknown): string | null
}

/** The routes of one executor instance, and the credential that its workers must present. */
export interface MountedRoutes {
  readonly executor: Executor
  readonly routes: readonly ExecutorRoute[]
  readonly credential: string
}

/** The server with schemas by zod. */
export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, ZodTypeProvider>

/** What workers are served with: less than people. */
export type WorkerApiContext = Pick<
  ApiContext,
  'config' | 'moves' | 'log' | 'executionTokens' | 'secrets' | 'executors' | 'executorRoutes' | 'signal'
> & { readonly metrics: Metrics }

/** A group of routes. */
export type Routes<Context = ApiContext> = (app: App, context: Context) => void
