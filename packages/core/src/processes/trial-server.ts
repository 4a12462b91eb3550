import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DEFAULT_POOL, type DagSpec, type DispatchId, type ExecuteTask, type WorkloadExit } from '@fairlead/protocol'
import { buildApi, listen, type Listening } from '../api/index.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'
import { findTry } from '../db/queries/attempts.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import { findXComValue } from '../db/queries/xcom-reads.ts'
import { findAttempt, upsertXCom } from '../db/queries/xcom-writes.ts'
import type { Clock } from '../model/environment.ts'
import { updatePool } from '../moves/change-pools.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import { SchedulerLease } from '../scheduler/scheduler-lease.ts'
import { trialApiContext, trialTokens, type TrialServerOptions } from './trial-api.ts'
import { queueTrialRun, TRIAL_EXECUTOR } from './trial-run.ts'

/** A server without a scheduler: whoever tries an executor hands over by hand, over the real API and the real moves. */

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

const LEASE_MS = 24 * 60 * 60 * 1000

/** Opens a database in memory, and both APIs over it on loopback and on a socket. */
export async function openTrialServer(options: TrialServerOptions): Promise<TrialServer> {
  const database = openDatabase({ url: ':memory:', pid: process.pid })
  await migrate(database)
  const { environment, folder } = options
  const moves: MoveContext = {
    database,
    environment,
    graphs: openDagGraphs(),
    defaultExecutor: TRIAL_EXECUTOR,
    launchBudget: 1,
    wake: () => undefined,
  }
  const lease = new SchedulerLease(moves, { hostname: 'trial', pid: process.pid, leaseMs: LEASE_MS })
  await lease.take()
  await updatePool(moves, { name: DEFAULT_POOL, change: { slots: -1 }, actor: 'trial' })
  const secret = randomBytes(32)
  const stopping = new AbortController()
  const app = await buildApi(trialApiContext(moves, options, trialTokens(secret, environment.clock), stopping.signal))
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
      queueTrialRun(moves, lease.id, {
        spec,
        bundleHash,
        tokens: trialTokens(secret, earlier(environment.clock, ticketAgeMs)),
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

async function attemptOf(database: Database, { taskInstance }: ExecuteTask): Promise<TrialAttempt> {
  const row = await findTry(database.read, taskInstance.id)
  if (row === undefined) throw new Error(`Task instance ${taskInstance.id} has no row.`)
  return row
}

function earlier(clock: Clock, ms: number): { now(): number } {
  return { now: () => clock.now() - ms }
}
