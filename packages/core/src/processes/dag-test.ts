import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DagSpec } from '@fairlead/protocol'
import {
  buildWorkerApi,
  listen,
  openExecutionTokens,
  openThrowawaySecretStore,
  openWorkerCredential,
  type ExecutionTokens,
  type Listening,
} from '../api/index.ts'
import type { PlainConnection, PlainVariable, SecretStore } from '../api/vault/secret-store.ts'
import type { Config } from '../config/index.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import { upsertXCom } from '../db/queries/xcom-writes.ts'
import { timeBox } from '../dispatch/time-box.ts'
import { Wakeup } from '../dispatch/wakeup.ts'
import type { Environment } from '../model/environment.ts'
import { createDagRun } from '../moves/create-dag-run.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { registerDagFile } from '../moves/register-dag-file.ts'
import { NO_METRICS } from '../observability/metrics.ts'
import type { Log } from '../observability/index.ts'
import { Scheduler } from '../scheduler/scheduler.ts'
import { followTestRun, type TestRunEnd, type TestRunWatcher } from './follow-test-run.ts'
import { configuredInstance, createExecutor } from './executor-host.ts'
import type { LoadedExecutor } from './load-executors.ts'
import { openRunFolder } from './run-folder.ts'
import { executorTimeouts, schedulerTimes } from './scheduler-options.ts'
import { ownAddresses } from './worker-addresses.ts'

/** A scheduler, an API for workers and one executor over a database in memory, for one run of one Dag. */

/** What is run, and with what. */
export interface DagTest {
  /** Its paths must be throwaway ones; its database is not looked at. */
  readonly config: Config
  readonly executor: LoadedExecutor
  readonly spec: DagSpec
  readonly bundle: { readonly file: string; readonly hash: string }
  readonly run: {
    readonly runId: string | null
    readonly logicalDate: number | null
    readonly conf: Readonly<Record<string, unknown>>
  }
  /** Values that tasks find as if tasks before them had left them. */
  readonly xcoms: ReadonlyArray<{ readonly taskId: string; readonly key: string; readonly json: string }>
  /** Variables and connections that tasks find. */
  readonly secrets: {
    readonly variables: ReadonlyArray<Omit<PlainVariable, 'description'>>
    readonly connections: readonly PlainConnection[]
  }
  readonly environment: Environment
  readonly log: Log
  readonly host: { readonly hostname: string; readonly pid: number; readonly uid: number }
  readonly watcher: TestRunWatcher
  readonly signal: AbortSignal
}

/** Runs a Dag once and answers what came of it. Nothing of it is left in the database, for there is none any more. */
export async function runDagTest(test: DagTest): Promise<TestRunEnd> {
  const database = openDatabase({ url: ':memory:', pid: test.host.pid })
  try {
    await migrate(database)
    return await runOn(database, test)
  } finally {
    await database.close()
  }
}

async function runOn(database: Database, test: DagTest): Promise<TestRunEnd> {
  const over = new AbortController()
  const { scheduler, changes, listening } = await assemble(database, test, over.signal)
  try {
    const run = await begin(scheduler.context, test)
    const running = scheduler.run(over.signal)
    const died = running.then(() => Promise.reject(new Error('The scheduler ended before the run did.')))
    died.catch(() => undefined)
    const following = Promise.race([followTestRun({ scheduler, changes, run, test }), died])
    await Promise.allSettled([following])
    over.abort(new Error('The run is over.'))
    await Promise.allSettled([running])
    await endExecutor(scheduler, test)
    const { end, tellRest } = await following
    await tellRest()
    return end
  } finally {
    await listening.close()
  }
}

async function assemble(database: Database, test: DagTest, signal: AbortSignal) {
  const { config, executor, environment, log, host } = test
  const { clock } = environment
  const secret = randomBytes(32)
  const executionTokens = tokensOf(test, secret)
  const runFolder = openRunFolder(config.paths.run, { executors: [executor.name], tmpdir: tmpdir(), uid: host.uid })
  const { apiSocket: socketPath } = runFolder
  const address: { listening: Listening | null } = { listening: null }
  const addresses = ownAddresses(config, { socketPath, url: () => address.listening?.url ?? '' })
  const scheduler = new Scheduler({
    context: {
      database,
      environment,
      graphs: openDagGraphs(),
      defaultExecutor: executor.name,
      launchBudget: config.scheduler.maxLaunchAttempts,
    },
    executors: [createExecutor(executor, { config, database, environment, log, runFolder }, addresses)],
    mintTicket: ({ id, dispatchId }) => executionTokens.createTicket({ taskInstanceId: id, dispatchId }),
    log,
    metrics: NO_METRICS,
    // Whoever steps through a handler stops this process for as long as it takes.
    times: { ...schedulerTimes(config), leaseMs: A_WEEK_MS, heartbeatTimeoutMs: A_WEEK_MS, queuedTimeoutMs: A_WEEK_MS },
    timeouts: executorTimeouts(config),
    host,
  })
  const changes = new Wakeup(clock)
  const secrets = openThrowawaySecretStore(database, clock)
  await keepSecrets(secrets, test)
  const wake = (): void => {
    scheduler.wake()
    changes.ring()
  }
  const app = await buildWorkerApi({
    config,
    moves: { ...scheduler.context, wake },
    log,
    metrics: NO_METRICS,
    executionTokens,
    secrets,
    executors: [configuredInstance(executor)],
    executorRoutes: routesOf(scheduler, test, secret),
    signal,
  })
  const closeTimeoutMs = config.api.closeTimeout * 1000
  const listening = await listen(app, { host: '127.0.0.1', port: 0, socketPath, closeTimeoutMs, clock })
  address.listening = listening
  return { scheduler, changes, listening }
}

/** Whom the audit log names. */
const ACTOR = 'dag.test'
const A_WEEK_MS = 7 * 24 * 60 * 60 * 1000

async function keepSecrets(store: SecretStore, { secrets }: DagTest): Promise<void> {
  for (const variable of secrets.variables) await store.writeVariable({ ...variable, description: null }, 'set', ACTOR)
  for (const connection of secrets.connections) await store.writeConnection(connection, 'set', ACTOR)
}

function tokensOf({ config, environment }: DagTest, secret: Uint8Array): ExecutionTokens {
  return openExecutionTokens({
    secret,
    clock: environment.clock,
    leewaySeconds: config.apiAuth.jwtLeeway,
    ticketSeconds: config.executionApi.ticketExpirationTime,
    sessionSeconds: config.executionApi.jwtExpirationTime,
  })
}

function routesOf(scheduler: Scheduler, { executor: { name, executorClass }, config }: DagTest, secret: Uint8Array) {
  const routes = executorClass.getApiRoutes?.() ?? []
  const managed = scheduler.dispatcher.executors.get(name)
  if (routes.length === 0 || managed === undefined) return []
  return [{ executor: managed.executor, routes, credential: openWorkerCredential(config.paths.keys, secret, name) }]
}

/** Registers the Dag and creates its run, before anything looks for work. */
async function begin(moves: MoveContext, test: DagTest): Promise<{ runId: string; runKey: number }> {
  const { spec, bundle, run, xcoms } = test
  const defaults = { pauseNew: false, maxActiveRuns: 1, maxActiveTasks: test.config.core.maxActiveTasksPerDag }
  await registerDagFile(moves, { bundleName: 'dag-test', ...bundle, dags: [spec], defaults })
  const { logicalDate, runId, conf } = run
  const created = await createDagRun(moves, {
    dagId: spec.dagId,
    runId,
    runType: 'manual',
    logicalDate,
    dataInterval: null,
    runAfter: null,
    conf,
    note: null,
    triggeredBy: ACTOR,
  })
  if (created.kind !== 'created')
    throw new Error(`The run of Dag "${spec.dagId}" could not be created: ${created.kind}.`)
  const { runKey } = created
  await moves.database.transaction(async (tx) => {
    for (const { taskId, key, json } of xcoms) {
      await upsertXCom(tx, { runKey, taskId, mapIndex: -1, key }, json, moves.environment.clock.now())
    }
  })
  return { runId: created.runId, runKey }
}

const EXECUTOR_END_MS = 10_000

async function endExecutor(scheduler: Scheduler, { environment, signal, log }: DagTest): Promise<void> {
  for (const { executor } of scheduler.dispatcher.executors.values()) {
    const ended = await timeBox(environment.clock, EXECUTOR_END_MS, (over) =>
      signal.aborted ? executor.terminate() : executor.end(over),
    )
    if (ended.kind !== 'answered') log.warn('executor did not end cleanly', { executor: executor.name })
  }
}

/** The configuration with every path in one folder that is thrown away afterwards. */
export function throwawayConfig(config: Config, folder: string): Config {
  const paths = {
    ...config.paths,
    home: folder,
    logs: join(folder, 'logs'),
    keys: join(folder, 'keys'),
    bundles: join(folder, 'bundles'),
    run: join(folder, 'run'),
  }
  return {
    ...config,
    paths,
    core: { ...config.core, executionApiServerUrl: null },
    api: { ...config.api, baseUrl: null },
  }
}
