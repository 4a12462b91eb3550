import { DEFAULT_POOL } from '@fairlead/protocol'
import { openDatabase, type Database, type Tx } from '../packages/core/src/db/database.ts'
import { migrate } from '../packages/core/src/db/migrate.ts'
import { insertDagRun, insertRunTaskInstances } from '../packages/core/src/db/queries/create-runs.ts'
import { changeRunCounts, moveRunsToRunning } from '../packages/core/src/db/queries/update-runs.ts'
import { laneText } from '../packages/core/src/model/lane.ts'
import type { TestEngine } from './test-databases.ts'

/** Moment at which stored rows begin. */
export const STORED_AT: number = Date.UTC(2026, 0, 1)

/** Text of the lane in which stored task instances wait. */
export const STORED_LANE: string = laneText({
  executors: ['instant'],
  fallback: 'unavailable',
  pool: DEFAULT_POOL,
  poolSlots: 1,
  limits: null,
})

/** A migrated database of a test's own. */
export interface StoredWorld {
  readonly database: Database
  close(): Promise<void>
}

/** Opens an empty, migrated database. */
export async function openStoredWorld(engine: TestEngine): Promise<StoredWorld> {
  const { url, drop } = await engine.createDatabase()
  const database = openDatabase({ url, pid: process.pid })
  await migrate(database)
  return {
    database,
    close: async () => {
      await database.close()
      await drop()
    },
  }
}

/** Stores a Dag row, as nothing but the database sees it. */
export async function storeDag({ query }: Tx, dagId: string): Promise<void> {
  const counts = { max_active_runs: 100_000, max_active_tasks: 16, running_runs: 0, queued_runs: 0 }
  const next = { next_logical_date: null, next_interval_start: null, next_interval_end: null, next_run_after: null }
  const file = {
    bundle_name: 'dags',
    file: `${dagId}.ts`,
    is_active: 1,
    is_paused: 0,
    version_id: `version of ${dagId}`,
  }
  const text = { description: null, tags: '[]', schedule: '{"kind":"manual"}' }
  const times = { first_seen_at: STORED_AT, last_parsed_at: STORED_AT }
  await query
    .insertInto('dag')
    .values({ dag_id: dagId, ...file, ...text, ...counts, ...next, ...times })
    .execute()
}

/** Stores a running run of `taskCount` undecided task instances, named `<runId>/<index>`; answers its key. */
export async function storeRun(tx: Tx, dagId: string, runId: string, taskCount: number): Promise<number> {
  const run = await insertDagRun(tx, { ...RUN, dagId, runId, versionId: `version of ${dagId}`, taskCount }, STORED_AT)
  if (run === null) throw new Error(`Run ${runId} exists.`)
  await moveRunsToRunning(tx, [run.run_key], STORED_AT)
  const tasks = Array.from({ length: taskCount }, (_, index) => ({
    id: `${runId}/${index}`,
    taskIndex: index,
    taskId: `t${index}`,
    maxTries: 2,
    executor: 'instant',
    pool: DEFAULT_POOL,
    poolSlots: 1,
    lane: STORED_LANE,
    queue: 'default',
    priorityWeight: 1,
    isLeaf: index === taskCount - 1,
  }))
  await insertRunTaskInstances(tx, { runKey: run.run_key, dagId, runId, orderDate: run.order_date }, tasks)
  await changeRunCounts(tx, [{ runKey: run.run_key, ...NO_CHANGE }])
  return run.run_key
}

const RUN = {
  runType: 'manual',
  logicalDate: null,
  dataIntervalStart: null,
  dataIntervalEnd: null,
  runAfter: STORED_AT,
  conf: null,
  triggeredBy: 'test',
  note: null,
  maxActiveTasks: 16,
}

const NO_CHANGE = { unfinished: 0, active: 0, waiting: 0, failedLeaves: 0, isHeld: false }
