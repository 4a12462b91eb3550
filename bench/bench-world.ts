import { tmpdir } from 'node:os'
import type { ExecutorHost } from '@fairlead/executor'
import { INFINITE_SLOTS, type DagSpec } from '@fairlead/protocol'
import { openExecutionTokens } from '../packages/core/src/api/execution/execution-tokens.ts'
import { loadConfig } from '../packages/core/src/config/load.ts'
import { openDatabase, type Database } from '../packages/core/src/db/database.ts'
import { migrate } from '../packages/core/src/db/migrate.ts'
import { openDagGraphs } from '../packages/core/src/db/queries/dag-graphs.ts'
import { createDagRun } from '../packages/core/src/moves/create-dag-run.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'
import { registerDagFile } from '../packages/core/src/moves/register-dag-file.ts'
import { NO_LOG } from '../packages/core/src/observability/log.ts'
import { openMetrics } from '../packages/core/src/observability/metrics.ts'
import { executorTimeouts, schedulerTimes } from '../packages/core/src/processes/scheduler-options.ts'
import { systemEnvironment } from '../packages/core/src/processes/system-environment.ts'
import { Scheduler } from '../packages/core/src/scheduler/scheduler.ts'
import { throwawayPostgres, throwawaySqlite, type ThrowawayDatabase } from '../testkit/throwaway-database.ts'
import { NoOpExecutor, type Play } from './no-op-executor.ts'

/** A scheduler with shipped defaults over a fresh database, real tokens and metrics, and executors that run nothing. */
export interface BenchWorld {
  readonly database: Database
  readonly context: MoveContext
  readonly executors: ReadonlyMap<string, NoOpExecutor>
  register(dags: readonly DagSpec[]): Promise<void>
  /** Creates a queued run. */
  trigger(dagId: string, runId: string): Promise<void>
  start(): void
  close(): Promise<void>
}

/** An executor of the scene: how many slots it has, and what it makes of workloads. */
export interface BenchExecutor {
  readonly name: string
  readonly parallelism: number
  readonly play: Play
}

export async function openBenchWorld(
  engine: 'sqlite' | 'postgres',
  executors: readonly BenchExecutor[],
): Promise<BenchWorld> {
  const place = engine === 'sqlite' ? throwawaySqlite() : await postgresPlace()
  const database = openDatabase({ url: place.url, pid: process.pid })
  // As many slots as the scene's executors have: a pool would measure its own size.
  await migrate(database, { defaultPoolSlots: INFINITE_SLOTS })
  const config = loadConfig({ cwd: tmpdir(), env: {} })
  const environment = systemEnvironment()
  const tokens = openExecutionTokens({
    secret: new Uint8Array(32),
    clock: environment.clock,
    leewaySeconds: config.apiAuth.jwtLeeway,
    ticketSeconds: config.executionApi.ticketExpirationTime,
    sessionSeconds: config.executionApi.jwtExpirationTime,
  })
  const made = new Map<string, NoOpExecutor>()
  const scheduler: Scheduler = new Scheduler({
    context: {
      database,
      environment,
      graphs: openDagGraphs(),
      defaultExecutor: executors[0]?.name ?? '',
      launchBudget: config.scheduler.maxLaunchAttempts,
    },
    executors: executors.map(({ name, parallelism, play }) => (wake) => {
      const host = hostOf(name, parallelism, wake)
      const executor = new NoOpExecutor(host, () => scheduler.context, play)
      made.set(name, executor)
      return executor
    }),
    mintTicket: ({ id, dispatchId }) => tokens.createTicket({ taskInstanceId: id, dispatchId }),
    log: NO_LOG,
    metrics: openMetrics(config.metrics.prefix),
    times: schedulerTimes(config),
    timeouts: executorTimeouts(config),
    host: { hostname: 'bench', pid: process.pid },
  })
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  return {
    database,
    context: scheduler.context,
    executors: made,
    register: (dags) => register(scheduler.context, dags),
    trigger: (dagId, runId) => trigger(scheduler.context, dagId, runId),
    start: () => void (running = scheduler.run(stopping.signal)),
    close: async () => {
      stopping.abort(new Error('The scene is over.'))
      await running
      for (const executor of made.values()) await executor.drained()
      await database.close()
      await place.drop()
    },
  }
}

function register(context: MoveContext, dags: readonly DagSpec[]): Promise<void> {
  const defaults = { pauseNew: false, maxActiveRuns: 16, maxActiveTasks: 16 }
  return registerDagFile(context, { bundleName: 'dags', file: `${dags[0]?.dagId}.ts`, hash: 'bench', dags, defaults })
}

async function trigger(context: MoveContext, dagId: string, runId: string): Promise<void> {
  const run = { runType: 'manual', logicalDate: null, dataInterval: null, runAfter: null, conf: null } as const
  const answer = await createDagRun(context, { dagId, runId, ...run, note: null, triggeredBy: 'bench' })
  if (answer.kind !== 'created') throw new Error(`Run "${runId}" was not created: ${answer.kind}.`)
}

function hostOf(name: string, parallelism: number, wake: () => void): ExecutorHost {
  const store = {
    get: async () => undefined,
    set: async () => undefined,
    delete: async () => undefined,
    list: async () => [],
  }
  const folders = { runFolder: '', logFolder: '', bundleFolder: '', apiUrl: '' }
  const clock = systemEnvironment().clock
  return { name, parallelism, settings: {}, ...folders, store, clock, log: NO_LOG, report: wake }
}

async function postgresPlace(): Promise<ThrowawayDatabase> {
  const server = process.env['FAIRLEAD_TEST_POSTGRES_URL']
  if (server === undefined) {
    throw new Error(
      'Say where PostgreSQL is: node scripts/services.mjs run --durable -- npm run bench -- scheduler --db postgres',
    )
  }
  return throwawayPostgres(server)
}
