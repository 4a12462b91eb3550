import { tmpdir } from 'node:os'
import {
  buildApi,
  ensureAdminAccount,
  listen,
  openApiSecret,
  openExecutionTokens,
  openRestTokens,
  openWorkerCredential,
  type ApiContext,
  type ExecutionTokens,
  type Listening,
} from '../api/index.ts'
import type { Config } from '../config/index.ts'
import { runDagProcessor } from '../dag-processor/index.ts'
import type { Database } from '../db/database.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import { explainTaskInstance } from '../dispatch/explain-task-instance.ts'
import { timeBox } from '../dispatch/time-box.ts'
import type { Clock, Environment } from '../model/environment.ts'
import { openHealthBoard, openMetrics, type HealthBoard, type Log } from '../observability/index.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { databaseSink, gaugeDags } from './dag-sink.ts'
import { createExecutor, warnOfDevelopment } from './executor-host.ts'
import { otherNamesOf, type LoadedExecutor } from './load-executors.ts'
import { openMigrated } from './open-installation.ts'
import { openRunFolder } from './run-folder.ts'
import { executorTimeouts, schedulerTimes } from './scheduler-options.ts'
import { executorStatuses, gaugeExecutors } from './executor-statuses.ts'
import { openMoveMetrics } from './move-metrics.ts'
import { liveLogOf } from './live-log.ts'
import { removeServerFile, writeServerFile } from './server-file.ts'

/** Everything of a server in one process: scheduler, dispatch, API and Dag processor over one database. */

/** What a standalone server is made of. */
export interface StandaloneOptions {
  readonly config: Config
  readonly version: string
  readonly executors: readonly LoadedExecutor[]
  readonly environment: Environment
  readonly log: Log
  readonly host: { readonly hostname: string; readonly pid: number; readonly uid: number }
  /** The task runner's entry that imports Dag files, and the environment it gets. */
  readonly parseScript: string
  readonly parseEnv: Readonly<Record<string, string>>
}

/** A server that runs. */
export interface Standalone {
  readonly url: string
  readonly socketPath: string
  readonly passwordFile: string
  /** Rejects when a part dies; resolves after `stop`. */
  readonly finished: Promise<void>
  /** Graceful: nothing new is started, what runs is detached, requests end. */
  stop(): Promise<void>
}

/** Starts a server. A failure on the way leaves nothing open. */
export async function startStandalone(options: StandaloneOptions): Promise<Standalone> {
  const database = await openMigrated(options.config, options.host.pid)
  try {
    return await startOn(database, options)
  } catch (error) {
    await database.close()
    throw error
  }
}

const EXECUTOR_END_MS = 10_000
const LONGEST_FIRST_PASS_MS = 10_000

async function startOn(database: Database, options: StandaloneOptions): Promise<Standalone> {
  const { config, environment, log } = options
  const stopping = new AbortController()
  const server = await assemble(database, options, stopping.signal)
  const app = await buildApi(server.api)
  const listening = await listen(app, {
    host: config.api.host,
    port: config.api.port,
    socketPath: server.socketPath,
    closeTimeoutMs: config.api.closeTimeout * 1000,
    clock: environment.clock,
  })
  server.listeningOn(listening)
  const processor = startDagProcessor(server, options, stopping.signal)
  const scheduler = server.scheduler.run(stopping.signal)
  const close = async () => {
    await Promise.allSettled([scheduler, processor.finished])
    await endExecutors(server.scheduler, environment, log)
    await listening.close()
    await server.scheduler
      .release()
      .catch((error: unknown) => log.warn('scheduler lease could not be released', { error }))
    await removeServerFile(config.paths.home)
    await database.close()
  }
  const finished = finishWith([scheduler, processor.finished], stopping, close)
  await firstDagsOr(finished, processor.firstPass, environment)
  if (!stopping.signal.aborted) await announce(options, listening)
  return {
    url: listening.url,
    socketPath: listening.socketPath,
    passwordFile: server.passwordFile,
    finished,
    stop: async () => stopping.abort(new Error('The server stops.')),
  }
}

/** Whoever finds the server finds its Dags too, unless they take very long to load. */
async function firstDagsOr(finished: Promise<void>, firstPass: Promise<void>, { clock }: Environment): Promise<void> {
  const over = new AbortController()
  const late = clock.sleep(LONGEST_FIRST_PASS_MS, over.signal).catch(() => undefined)
  await Promise.race([firstPass, late, finished.catch(() => undefined)])
  over.abort()
}

/** The parts, wired but not running. */
async function assemble(database: Database, options: StandaloneOptions, signal: AbortSignal) {
  const { config, environment, log, host } = options
  const { clock } = environment
  const secret = openApiSecret(config.paths.keys)
  const { passwordFile } = await ensureAdminAccount(database, {
    username: config.apiAuth.adminUsername,
    keysFolder: config.paths.keys,
    now: clock.now(),
  })
  const executionTokens = executionTokensOf(config, secret, clock)
  const runFolder = openRunFolder(config.paths.run, {
    executors: options.executors.map(({ name }) => name),
    tmpdir: tmpdir(),
    uid: host.uid,
  })
  const address: { listening: Listening | null } = { listening: null }
  const surroundings = { config, database, clock, log, runFolder, apiUrl: () => address.listening?.url ?? '' }
  warnOfDevelopment(options.executors, log)
  const metrics = openMetrics(config.metrics.prefix)
  const moveMetrics = await openMoveMetrics(database, metrics)
  const scheduler = new Scheduler({
    context: {
      database,
      environment,
      graphs: openDagGraphs(otherNamesOf(options.executors)),
      defaultExecutor: options.executors[0]?.name ?? '',
      launchBudget: config.scheduler.maxLaunchAttempts,
    },
    executors: options.executors.map((executor) => createExecutor(executor, surroundings)),
    mintTicket: ({ id, dispatchId }) => executionTokens.createTicket({ taskInstanceId: id, dispatchId }),
    log,
    metrics,
    times: schedulerTimes(config),
    timeouts: executorTimeouts(config),
    host,
  })
  const api: ApiContext = {
    version: options.version,
    config,
    moves: scheduler.context,
    log,
    metrics,
    refreshMetrics: async () => {
      await moveMetrics.catchUp()
      gaugeExecutors(scheduler.dispatcher, metrics)
    },
    health: healthBoardOf(config, clock),
    restTokens: openRestTokens(secret, clock, config.apiAuth.jwtLeeway),
    executionTokens,
    executors: () => executorStatuses(scheduler.dispatcher),
    explain: (row) => explainTaskInstance(scheduler.context, scheduler.dispatcher.offers, row),
    liveLog: (row) => liveLogOf(scheduler.dispatcher, row),
    executorRoutes: mountedRoutes(scheduler, options),
    signal,
  }
  const listeningOn = (listening: Listening): void => void (address.listening = listening)
  return { scheduler, api, health: api.health, metrics, passwordFile, socketPath: runFolder.apiSocket, listeningOn }
}

/** The Dag processor beats after each pass; two passes of silence are too many. */
function healthBoardOf({ dagProcessor }: Config, clock: Clock): HealthBoard {
  return openHealthBoard(clock, (dagProcessor.refreshInterval + dagProcessor.dagFileProcessorTimeout) * 2000)
}

function executionTokensOf({ apiAuth, executionApi }: Config, secret: Uint8Array, clock: Clock): ExecutionTokens {
  return openExecutionTokens({
    secret,
    clock,
    leewaySeconds: apiAuth.jwtLeeway,
    ticketSeconds: executionApi.ticketExpirationTime,
    sessionSeconds: executionApi.jwtExpirationTime,
  })
}

function mountedRoutes(scheduler: Scheduler, { executors, config }: StandaloneOptions): ApiContext['executorRoutes'] {
  return executors.flatMap(({ name, executorClass }) => {
    const routes = executorClass.getApiRoutes?.() ?? []
    const managed = scheduler.dispatcher.executors.get(name)
    if (routes.length === 0 || managed === undefined) return []
    return [{ executor: managed.executor, routes, credential: openWorkerCredential(config.paths.keys, name) }]
  })
}

async function announce(
  { config, host, version, environment }: StandaloneOptions,
  { url, socketPath }: Listening,
): Promise<void> {
  const startedAt = new Date(environment.clock.now()).toISOString()
  await writeServerFile(config.paths.home, { pid: host.pid, url, socket: socketPath, startedAt, version })
}

type Assembled = Awaited<ReturnType<typeof assemble>>

function startDagProcessor(server: Assembled, options: StandaloneOptions, signal: AbortSignal) {
  const { config, log } = options
  let firstPassDone = (): void => undefined
  const firstPass = new Promise<void>((resolve) => (firstPassDone = resolve))
  const { dagProcessor } = config
  const beat = (): void => server.health.beat('dag_processor')
  beat()
  const finished = runDagProcessor(
    {
      bundleName: 'dags-folder',
      dagsFolder: config.paths.dagsFolder,
      bundlesFolder: config.paths.bundles,
      executors: options.executors,
      sink: databaseSink(server.scheduler.context, {
        pauseNew: config.core.dagsArePausedAtCreation,
        maxActiveRuns: config.core.maxActiveRunsPerDag,
        maxActiveTasks: config.core.maxActiveTasksPerDag,
      }),
      log: log.child({ part: 'dag_processor' }),
      parseScript: options.parseScript,
      parseEnv: options.parseEnv,
      timeoutMs: dagProcessor.dagFileProcessorTimeout * 1000,
      processes: dagProcessor.parsingProcesses,
      refreshIntervalMs: dagProcessor.refreshInterval * 1000,
      watch: dagProcessor.watch,
      onPass: () => {
        beat()
        firstPassDone()
        gaugeDags(server.scheduler.context, server.metrics).catch((error: unknown) =>
          log.warn('dags could not be counted', { error }),
        )
      },
    },
    signal,
  )
  return { firstPass, finished }
}

/** Ends when told to, or when a part ends before that, which is an error whatever it says. */
async function finishWith(
  parts: readonly Promise<void>[],
  stopping: AbortController,
  close: () => Promise<void>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const died = parts.map(async (part) => {
    await part
    if (!stopping.signal.aborted) throw new Error('A part of the server ended by itself.')
  })
  try {
    await Promise.race([stopped, ...died])
  } finally {
    stopping.abort(new Error('The server stops.'))
    await close()
  }
}

/** Lets every executor finish or detach what another server can adopt. */
async function endExecutors(scheduler: Scheduler, { clock }: Environment, log: Log): Promise<void> {
  await Promise.all(
    [...scheduler.dispatcher.executors.values()].map(async ({ executor }) => {
      const ended = await timeBox(clock, EXECUTOR_END_MS, (signal) => executor.end(signal))
      if (ended.kind !== 'answered')
        log.warn('executor did not end cleanly', { executor: executor.name, how: ended.kind })
    }),
  )
}
