import type { Executor, ExecutorRoute } from '@fairlead/executor'
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
  /** Live log of a try that keeps no file here, from its executor, or null. */
  liveLog(row: TaskInstanceRow): Promise<AsyncIterable<string> | null>
  /** Routes that executor classes serve to their own workers. */
  readonly executorRoutes: readonly MountedRoutes[]
  /** Aborts when the server stops: open streams end. */
  readonly signal: AbortSignal
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
  'config' | 'moves' | 'log' | 'executionTokens' | 'secrets' | 'executorRoutes' | 'signal'
> & { readonly metrics: Metrics }

/** A group of routes. */
export type Routes<Context = ApiContext> = (app: App, context: Context) => void
