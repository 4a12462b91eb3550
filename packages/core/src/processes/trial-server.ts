import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DEFAULT_POOL, type DagSpec, type DispatchId, type ExecuteTask, type WorkloadExit } from '@fairlead/protocol'
import {
  buildApi,
  listen,
  openExecutionTokens,
  openThrowawaySecretStore,
  openRestTokens,
  type ApiContext,
  type ExecutionTokens,
  type Listening,
} from '../api/index.ts'
import { loadConfig } from '../config/index.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import { findTry } from '../db/queries/attempts.ts'
import { readDispatches } from '../db/queries/dispatches.ts'
import { findXComValue } from '../db/queries/xcom-reads.ts'
import { findAttempt, upsertXCom } from '../db/queries/xcom-writes.ts'
import { workloadOf } from '../dispatch/workload-of.ts'
import type { Clock, Environment } from '../model/environment.ts'
import { updatePool } from '../moves/change-pools.ts'
import { claimTaskInstances } from '../moves/claim-task-instances.ts'
import { createDagRun } from '../moves/create-dag-run.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { registerDagFile } from '../moves/register-dag-file.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import { startDagRuns } from '../moves/start-dag-runs.ts'
import { NO_LOG, openMetrics } from '../observability/index.ts'
import { SchedulerLease } from '../scheduler/scheduler-lease.ts'

/** A server without a scheduler: whoever tries an executor hands over by hand, over the real API and the real moves. */

/** What a trial server is made of. */
export interface TrialServerOptions {
  /** An empty folder with a short path. */
  readonly folder: string
  readonly environment: Environment
  readonly executorRoutes: ApiContext['executorRoutes']
}

/** What the database knows of a task instance. */
export interface TrialAttempt {
  readonly state: string
  readonly hostname: string | null
  readonly pid: number | null
}

/** See the head of this file. */
export interface TrialServer {
  readonly url: string
  readonly socketPath: string
  /** Queues every task of a new run of the Dag, and answers the workloads in the order of its tasks. */
  queueRun(spec: DagSpec, bundleHash: string, ticketAgeMs: number): Promise<readonly ExecuteTask[]>
  /** Settles dispatches whose process is gone, as the scheduler does with the events of an executor. */
  settle(ended: ReadonlyArray<{ readonly dispatchId: DispatchId; readonly exit: WorkloadExit }>): Promise<void>
  attemptOf(workload: ExecuteTask): Promise<TrialAttempt>
  /** JSON text of a value that a task left, or null. */
  valueOf(workload: ExecuteTask, key: string): Promise<string | null>
  setValue(workload: ExecuteTask, key: string, json: string): Promise<void>
  close(): Promise<void>
}

const EXECUTOR = 'under-trial'
const BUNDLE = 'trial'
const LEASE_MS = 24 * 60 * 60 * 1000
const TOKEN_SECONDS = 24 * 60 * 60
const MANY = 1_000_000

/** Opens a database in memory, and both APIs over it on loopback and on a socket. */
export async function openTrialServer(options: TrialServerOptions): Promise<TrialServer> {
  const database = openDatabase({ url: ':memory:', pid: process.pid })
  await migrate(database)
  const { environment, folder } = options
  const moves: MoveContext = {
    database,
    environment,
    graphs: openDagGraphs(),
    defaultExecutor: EXECUTOR,
    launchBudget: 1,
    wake: () => undefined,
  }
  const lease = new SchedulerLease(moves, { hostname: 'trial', pid: process.pid, leaseMs: LEASE_MS })
  await lease.take()
  await updatePool(moves, { name: DEFAULT_POOL, change: { slots: -1 }, actor: 'trial' })
  const secret = randomBytes(32)
  const stopping = new AbortController()
  const app = await buildApi(apiContext(moves, options, tokensOf(secret, environment.clock), stopping.signal))
  const socketPath = join(folder, 'core.sock')
  const listening = await listen(app, {
    host: '127.0.0.1',
    port: 0,
    socketPath,
    closeTimeoutMs: 1000,
    clock: environment.clock,
  })
  return serverOver({ moves, lease, secret, listening, socketPath, stopping })
}

interface Parts {
  readonly moves: MoveContext
  readonly lease: SchedulerLease
  readonly secret: Uint8Array
  readonly listening: Listening
  readonly socketPath: string
  readonly stopping: AbortController
}

function serverOver({ moves, lease, secret, listening, socketPath, stopping }: Parts): TrialServer {
  const { database, environment } = moves
  return {
    url: listening.url,
    socketPath,
    queueRun: (spec, bundleHash, ticketAgeMs) =>
      queueRun(moves, lease.id, {
        spec,
        bundleHash,
        tokens: tokensOf(secret, earlier(environment.clock, ticketAgeMs)),
      }),
    settle: async (ended) => {
      await settleDispatches(
        moves,
        ended.map((end) => ({ ...end, actor: 'executor' })),
      )
    },
    attemptOf: (workload) => attemptOf(database, workload),
    valueOf: async ({ taskInstance }, key) => {
      const found = await findXComValue(database.read, { ...taskInstance, key })
      return found?.value ?? null
    },
    setValue: (workload, key, json) =>
      database.transaction(async (tx) => {
        const row = await findAttempt(tx, workload.taskInstance.id)
        if (row === undefined) throw new Error(`Task instance ${workload.taskInstance.id} has no row.`)
        const { taskId, mapIndex } = workload.taskInstance
        await upsertXCom(tx, { runKey: row.run_key, taskId, mapIndex, key }, json, environment.clock.now())
      }),
    close: async () => {
      stopping.abort()
      await listening.close()
      await database.close()
    },
  }
}

async function queueRun(
  moves: MoveContext,
  schedulerId: string,
  { spec, bundleHash, tokens }: { spec: DagSpec; bundleHash: string; tokens: ExecutionTokens },
): Promise<readonly ExecuteTask[]> {
  const defaults = { pauseNew: false, maxActiveRuns: MANY, maxActiveTasks: MANY }
  await registerDagFile(moves, {
    bundleName: BUNDLE,
    file: `${spec.dagId}.ts`,
    hash: bundleHash,
    dags: [spec],
    defaults,
  })
  const created = await createDagRun(moves, {
    dagId: spec.dagId,
    runId: `trial__${moves.environment.random.uuid(moves.environment.clock.now())}`,
    triggeredBy: 'trial',
    runType: 'manual',
    logicalDate: null,
    dataInterval: null,
    runAfter: null,
    conf: null,
    note: null,
  })
  if (created.kind !== 'created') throw new Error(`The run of Dag "${spec.dagId}" was not created: ${created.kind}.`)
  await startDagRuns(moves)
  return await claimAll(moves, schedulerId, spec.tasks.length, tokens)
}

/** Claims as often as one claim has its limits. */
async function claimAll(
  moves: MoveContext,
  schedulerId: string,
  count: number,
  tokens: ExecutionTokens,
): Promise<readonly ExecuteTask[]> {
  const dispatchIds: string[] = []
  while (dispatchIds.length < count) {
    const offers = new Map([[EXECUTOR, { kind: 'open', parallelism: MANY } as const]])
    const claim = await claimTaskInstances(moves, { id: schedulerId }, offers)
    if (claim.kind === 'fenced' || claim.tasks.length === 0)
      throw new Error(`Only ${dispatchIds.length} of ${count} tasks were claimed.`)
    dispatchIds.push(...claim.tasks.map(({ dispatchId }) => dispatchId))
  }
  const rows = await moves.database.transaction(async (tx) => {
    const found = await readDispatches(tx, dispatchIds)
    return Promise.all(found.map(async (row) => ({ row, graph: await moves.graphs.of(tx, row.version_id) })))
  })
  const inOrder = rows.toSorted((a, b) => a.row.task_index - b.row.task_index)
  return await Promise.all(
    inOrder.map(async ({ row, graph }) => {
      const mintTicket = ({ id, dispatchId }: ExecuteTask['taskInstance']): Promise<string> =>
        tokens.createTicket({ taskInstanceId: id, dispatchId })
      return (await workloadOf(row, graph, { mintTicket, sentryIntegration: null })).workload
    }),
  )
}

async function attemptOf(database: Database, { taskInstance }: ExecuteTask): Promise<TrialAttempt> {
  const row = await findTry(database.read, taskInstance.id)
  if (row === undefined) throw new Error(`Task instance ${taskInstance.id} has no row.`)
  return row
}

function apiContext(
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

function tokensOf(secret: Uint8Array, clock: { now(): number }): ExecutionTokens {
  const lifetimes = { ticketSeconds: TOKEN_SECONDS, sessionSeconds: TOKEN_SECONDS }
  return openExecutionTokens({ secret, clock, leewaySeconds: 10, ...lifetimes })
}

function earlier(clock: Clock, ms: number): { now(): number } {
  return { now: () => clock.now() - ms }
}
