import type { Executor, ExecutorHost } from '@fairlead/executor'
import type { DagSpec } from '@fairlead/protocol'
import { openDatabase, type Database } from '../packages/core/src/db/database.ts'
import { migrate } from '../packages/core/src/db/migrate.ts'
import { openDagGraphs } from '../packages/core/src/db/queries/dag-graphs.ts'
import type { Environment } from '../packages/core/src/model/environment.ts'
import { createDagRun } from '../packages/core/src/moves/create-dag-run.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'
import { registerDagFile } from '../packages/core/src/moves/register-dag-file.ts'
import { NO_LOG, type Log } from '../packages/core/src/observability/log.ts'
import { NO_METRICS } from '../packages/core/src/observability/metrics.ts'
import { systemEnvironment } from '../packages/core/src/processes/system-environment.ts'
import { Scheduler } from '../packages/core/src/scheduler/scheduler.ts'
import type { SchedulerTimes } from '../packages/core/src/scheduler/scheduler-times.ts'

/** A scheduler over a real database, with executors of the test's. */
export interface World {
  readonly database: Database
  readonly scheduler: Scheduler
  readonly context: MoveContext
  /** Registers a Dag. */
  register(spec: DagSpec): Promise<void>
  /** Triggers a run; answers its id. */
  trigger(dagId: string, runId?: string): Promise<string>
  /** State of a run. */
  runState(runId: string): Promise<string | undefined>
  /** State of every task instance of a run by task id. */
  states(runId: string): Promise<Record<string, string>>
  /** The states that a task instance went through, from the audit log. */
  transitions(runId: string, taskId: string): Promise<string[]>
  /** Starts the scheduler's loops. */
  start(): void
  stop(): Promise<void>
}

/** How to make a world. */
export interface WorldOptions {
  readonly url?: string
  readonly environment?: Environment
  readonly times?: Partial<SchedulerTimes>
  readonly log?: Log
  readonly defaultExecutor?: string
  executors(context: () => MoveContext, host: (name: string, parallelism: number) => ExecutorHost): readonly Executor[]
}

const TIMES: SchedulerTimes = {
  leaseMs: 30_000,
  sweepMs: 10_000,
  heartbeatTimeoutMs: 300_000,
  queuedTimeoutMs: 600_000,
  ageingMs: 600_000,
  idleMs: 5_000,
}

/** Opens a database, migrates it and makes a scheduler for it. */
export async function openWorld(options: WorldOptions): Promise<World> {
  const environment = options.environment ?? systemEnvironment()
  const database = openDatabase({ url: options.url ?? ':memory:', pid: process.pid })
  await migrate(database)
  const log = options.log ?? NO_LOG
  const wakes: Array<() => void> = []
  const host = (name: string, parallelism: number): ExecutorHost => ({
    name,
    settings: {},
    parallelism,
    apiUrl: 'http://127.0.0.1:0',
    runFolder: '',
    logFolder: '',
    bundleFolder: '',
    clock: environment.clock,
    log,
    store: {
      get: async () => undefined,
      set: async () => undefined,
      delete: async () => undefined,
      list: async () => [],
    },
    report: () => wakes.forEach((wake) => wake()),
  })
  const executors = options.executors(() => scheduler.context, host)
  const scheduler: Scheduler = new Scheduler({
    context: {
      database,
      environment,
      graphs: openDagGraphs(),
      defaultExecutor: options.defaultExecutor ?? executors[0]?.name ?? 'none',
      launchBudget: 3,
    },
    executors: executors.map((executor) => (wake) => (wakes.push(wake), executor)),
    mintTicket: async () => 'ticket',
    log,
    metrics: NO_METRICS,
    times: { ...TIMES, ...options.times },
    timeouts: { startMs: 10_000, callMs: 30_000 },
    host: { hostname: 'here', pid: 1 },
  })
  return worldOver(database, scheduler)
}

function worldOver(database: Database, scheduler: Scheduler): World {
  const { context } = scheduler
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  return {
    database,
    scheduler,
    context,
    register: (spec) =>
      registerDagFile(context, {
        bundleName: 'dags',
        file: `${spec.dagId}.ts`,
        hash: JSON.stringify(spec),
        dags: [spec],
        defaults: { pauseNew: false, maxActiveRuns: 16, maxActiveTasks: 16 },
      }),
    trigger: async (dagId, runId) => {
      const base = {
        runType: 'manual',
        logicalDate: null,
        dataInterval: null,
        runAfter: null,
        conf: null,
        note: null,
      } as const
      const answer = await createDagRun(context, { dagId, runId: runId ?? null, triggeredBy: 'test', ...base })
      if (answer.kind !== 'created') throw new Error(`Run of ${dagId} was not created: ${answer.kind}`)
      return answer.runId
    },
    runState: async (runId) =>
      (await database.read.selectFrom('dag_run').select('state').where('run_id', '=', runId).executeTakeFirst())?.state,
    states: async (runId) => {
      const rows = await database.read
        .selectFrom('task_instance')
        .select(['task_id', 'state'])
        .where('run_id', '=', runId)
        .execute()
      return Object.fromEntries(rows.map((row) => [row.task_id, row.state]))
    },
    transitions: async (runId, taskId) => {
      const log = database.read.selectFrom('audit_log').select('to_state').orderBy('seq')
      const rows = await log
        .where('run_id', '=', runId)
        .where('task_id', '=', taskId)
        .where('event', '=', 'task_instance.state')
        .execute()
      return rows.map((row) => row.to_state ?? '')
    },
    start: () => {
      running = scheduler.run(stopping.signal)
    },
    stop: async () => {
      stopping.abort(new Error('The test is over.'))
      await running
      await database.close()
    },
  }
}
