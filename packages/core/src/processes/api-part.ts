import {
  buildApi,
  ensureAdminAccount,
  listen,
  openRestTokens,
  openSecretStore,
  type ApiContext,
  type Listening,
} from '../api/index.ts'
import { explainTaskInstance } from '../dispatch/explain-task-instance.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { aborted, type Part } from './component.ts'
import { mountedRoutes, mountedViews } from './executor-additions.ts'
import { gaugeExecutors } from './executor-gauges.ts'
import { configuredInstance } from './executor-host.ts'
import type { ExecutorViews } from './executor-views.ts'
import type { Installation } from './installation.ts'
import { liveLogOf } from './live-log.ts'
import { openMoveMetrics } from './move-metrics.ts'
import { removeServerFile, writeServerFile } from './server-file.ts'

/** What an API of this process serves. */
export interface ApiPartOptions {
  /** For the moves that requests make. */
  readonly moves: MoveContext
  readonly executors: ExecutorViews
  /** A Unix socket for workers of this machine beside the TCP address; null for none. */
  readonly socketPath: string | null
}

/** An API that listens. */
export interface ApiPart extends Part {
  readonly listening: Listening
  /** Where the generated password is; null when another home folder has it. */
  readonly passwordFile: string | null
  /** Lets command lines of this home folder find the server. */
  announce(): Promise<void>
}

/** Listens with both APIs. */
export async function startApi(
  installation: Installation,
  options: ApiPartOptions,
  signal: AbortSignal,
): Promise<ApiPart> {
  const { config, database, environment } = installation
  const { clock } = environment
  const { passwordFile } = await ensureAdminAccount(database, {
    username: config.apiAuth.adminUsername,
    keysFolder: config.paths.keys,
    now: clock.now(),
  })
  const app = await buildApi(await apiContextOf(installation, options, signal))
  const listening = await listen(app, {
    host: config.api.host,
    port: config.api.port,
    socketPath: options.socketPath,
    closeTimeoutMs: config.api.closeTimeout * 1000,
    clock,
  })
  return {
    listening,
    passwordFile,
    finished: aborted(signal),
    announce: () => announce(installation, listening),
    close: async () => {
      await listening.close()
      await removeServerFile(config.paths.home, installation.host.pid)
    },
  }
}

async function apiContextOf(
  installation: Installation,
  { moves, executors }: ApiPartOptions,
  signal: AbortSignal,
): Promise<ApiContext> {
  const { version, config, log, metrics, database, secret, executionTokens, environment } = installation
  const configured = installation.executors.map(configuredInstance)
  const moveMetrics = await openMoveMetrics(database, metrics)
  return {
    version,
    config,
    moves,
    log,
    metrics,
    refreshMetrics: async () => {
      await moveMetrics.catchUp()
      await gaugeExecutors(database, configured, environment.clock.now(), metrics)
    },
    restTokens: openRestTokens(secret, environment.clock, config.apiAuth.jwtLeeway),
    executionTokens,
    executors: configured,
    explain: async (row) => explainTaskInstance(moves, await executors.offers(), row),
    secrets: openSecretStore(database, config, environment.clock),
    liveLog: (row) => liveLogOf({ idle: executors.idle, clock: environment.clock, log }, row),
    executorViews: mountedViews(installation.executors, executors.idle, log),
    executorRoutes: mountedRoutes(installation, executors),
    signal,
  }
}

async function announce(
  { config, host, version, environment }: Installation,
  { url, socketPath }: Listening,
): Promise<void> {
  const startedAt = new Date(environment.clock.now()).toISOString()
  await writeServerFile(config.paths.home, { pid: host.pid, url, socket: socketPath, startedAt, version })
}
