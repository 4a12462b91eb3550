import { randomBytes } from 'node:crypto'
import {
  openExecutionTokens,
  openRestTokens,
  openThrowawaySecretStore,
  type ApiContext,
  type ExecutionTokens,
} from '../api/index.ts'
import { loadConfig } from '../config/index.ts'
import type { Environment } from '../model/environment.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { NO_LOG, openMetrics } from '../observability/index.ts'

/** What a trial server's APIs are built of. */

/** What a trial server is made of. */
export interface TrialServerOptions {
  /** An empty folder with a short path. */
  readonly folder: string
  readonly environment: Environment
  readonly executorRoutes: ApiContext['executorRoutes']
}

const TOKEN_SECONDS = 24 * 60 * 60

/** Both APIs over these moves, without scheduler, executors and users. */
export function trialApiContext(
  moves: MoveContext,
  { folder, environment, executorRoutes }: TrialServerOptions,
  executionTokens: ExecutionTokens,
  signal: AbortSignal,
): ApiContext {
  const { clock } = environment
  // Bundles and logs are where the laboratory has them.
  const config = loadConfig({ cwd: folder, env: { FAIRLEAD_HOME: folder } })
  return {
    version: '0.0.0',
    config,
    moves,
    log: NO_LOG,
    metrics: openMetrics(config.metrics.prefix),
    refreshMetrics: () => Promise.resolve(),
    // Nobody signs in to a trial server: its secret is thrown away.
    restTokens: openRestTokens(randomBytes(32), clock, 0),
    executionTokens,
    executors: [],
    secrets: openThrowawaySecretStore(moves.database, clock),
    explain: () => Promise.reject(new Error('A trial server explains nothing.')),
    liveLog: () => Promise.resolve({ kind: 'file', note: null, isFailure: false }),
    executorViews: [],
    executorRoutes,
    signal,
  }
}

/** Tokens that outlast any trial. */
export function trialTokens(secret: Uint8Array, clock: { now(): number }): ExecutionTokens {
  const lifetimes = { ticketSeconds: TOKEN_SECONDS, sessionSeconds: TOKEN_SECONDS }
  return openExecutionTokens({ secret, clock, leewaySeconds: 10, ...lifetimes })
}
