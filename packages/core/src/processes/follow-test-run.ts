import { join } from 'node:path'
import type { TaskError } from '@fairlead/protocol'
import { readLogChunk } from '../api/index.ts'
import type { Config } from '../config/index.ts'
import { findDagRunByKey } from '../db/queries/dag-run-reads.ts'
import { listTaskInstances, type TaskInstanceRow } from '../db/queries/task-instance-reads.ts'
import { listXComs } from '../db/queries/xcom-reads.ts'
import { logPathOf } from '../dispatch/log-path.ts'
import type { Wakeup } from '../dispatch/wakeup.ts'
import { explainTaskInstance } from '../dispatch/explain-task-instance.ts'
import type { Scheduler } from '../scheduler/scheduler.ts'
import { RETURN_VALUE_KEY } from '@fairlead/protocol/constants'

/** Follows a test run to its end, and tells of its tasks and their logs on the way. */

/** Who is told how a test run goes. */
export interface TestRunWatcher {
  onState(task: TestedInstance): void
  /** A line of a task's log, as its worker wrote it. */
  onLog(taskId: string, line: string): void
  /** It waits for what nothing in a test will bring, and why. */
  onHeld(task: TestedInstance, why: string): void
}

/** A task instance of a test run. */
export interface TestedInstance {
  readonly taskId: string
  readonly mapIndex: number
  readonly state: string
  readonly tryNumber: number
  readonly executor: string
  /** Milliseconds; null where it did not run. */
  readonly durationMs: number | null
  readonly error: TaskError | null
}

/** How a test run ended. */
export interface TestRunEnd {
  readonly runId: string
  readonly state: 'success' | 'failed'
  readonly tasks: ReadonlyArray<TestedInstance & { readonly result: unknown }>
}

interface Followed {
  readonly scheduler: Scheduler
  readonly changes: Wakeup
  readonly run: { readonly runId: string; readonly runKey: number }
  readonly test: {
    readonly config: Config
    readonly spec: { readonly dagId: string }
    readonly watcher: TestRunWatcher
    readonly signal: AbortSignal
  }
}

/** What the executor reports reaches us without a bell of our own. */
const LOOK_EVERY_MS = 50
const EVERYTHING = { limit: 10_000, offset: 0, orderBy: [] }

/** Resolves when the run has ended. Throws when its executor cannot start. `tellRest` is for when the executor has ended. */
export async function followTestRun(
  followed: Followed,
): Promise<{ readonly end: TestRunEnd; tellRest(): Promise<void> }> {
  const { scheduler, changes, run, test } = followed
  const { read } = scheduler.context.database
  const teller = new Teller(test)
  const explained = new Set<string>()
  for (;;) {
    const row = await findDagRunByKey(read, run.runKey)
    const filter = { dagId: test.spec.dagId, runId: run.runId }
    const { rows } = await listTaskInstances(read, filter, EVERYTHING)
    await teller.tell(rows)
    if (row?.state === 'success' || row?.state === 'failed') {
      const results = await resultsOf(scheduler, filter)
      const tasks = rows.map((task) => ({ ...testedInstance(task), result: results.get(placeOf(task)) ?? null }))
      return { end: { runId: run.runId, state: row.state, tasks }, tellRest: () => teller.tellRest(rows) }
    }
    refuseUnhealthy(scheduler)
    await tellHeld(followed, rows, explained)
    await changes.wait(LOOK_EVERY_MS, test.signal)
  }
}

/** Gates that nothing in a test opens. */
const SHUT: ReadonlySet<string> = new Set(['pool_missing', 'pool_too_small', 'executor_not_configured'])

/** Tells once of each task instance that would wait in silence; nobody is asked while others run. */
async function tellHeld(
  { scheduler, test }: Followed,
  rows: readonly TaskInstanceRow[],
  explained: Set<string>,
): Promise<void> {
  if (rows.some(({ state }) => state === 'queued' || state === 'running')) return
  for (const row of rows) {
    if (row.state !== 'scheduled' || explained.has(row.id)) continue
    const { gate, sentence } = await explainTaskInstance(scheduler.context, scheduler.dispatcher.offers, row)
    if (!SHUT.has(gate)) continue
    explained.add(row.id)
    test.watcher.onHeld(testedInstance(row), sentence)
  }
}

/** Nobody waits in a test for an executor to get well. */
function refuseUnhealthy(scheduler: Scheduler): void {
  for (const { name, condition } of scheduler.dispatcher.executors.values()) {
    if (condition.kind === 'degraded') throw new Error(`Executor "${name}" cannot run the Dag: ${condition.reason}.`)
  }
}

async function resultsOf(
  scheduler: Scheduler,
  { dagId, runId }: { dagId: string; runId: string },
): Promise<ReadonlyMap<string, unknown>> {
  const { read } = scheduler.context.database
  const { rows } = await listXComs(read, { dagId, runId, taskId: null, key: RETURN_VALUE_KEY }, EVERYTHING)
  return new Map(rows.map((row) => [placeOf(row), JSON.parse(row.value) as unknown]))
}

const placeOf = (row: { task_id: string; map_index: number }): string => JSON.stringify([row.task_id, row.map_index])

function testedInstance(row: TaskInstanceRow): TestedInstance {
  const { started_at: from, ended_at: to } = row
  return {
    taskId: row.task_id,
    mapIndex: row.map_index,
    state: row.state,
    tryNumber: row.try_number,
    executor: row.executor,
    durationMs: from === null || to === null ? null : to - from,
    error: errorOf(row),
  }
}

function errorOf({ error, cause, state }: TaskInstanceRow): TaskError | null {
  if (error !== null) return JSON.parse(error) as TaskError
  if (state !== 'failed' || cause === null) return null
  return { name: cause, message: `The task ended without saying why: ${cause}.`, stack: null }
}

/** Tells each change of state once, and each line of a log. */
class Teller {
  readonly #test: Followed['test']
  readonly #told = new Map<string, string>()
  readonly #offsets = new Map<string, number>()

  constructor(test: Followed['test']) {
    this.#test = test
  }

  async tell(rows: readonly TaskInstanceRow[]): Promise<void> {
    for (const row of rows) {
      const now = `${row.state} ${row.try_number}`
      const isNew = this.#told.get(placeOf(row)) !== now
      if (!isNew && row.state !== 'running') continue
      // A try that was retried has a log of its own, whose last lines are read now.
      for (let tryNumber = Math.max(1, row.try_number - 1); tryNumber <= row.try_number; tryNumber += 1) {
        await this.#tellLog(row, tryNumber)
      }
      if (isNew) this.#test.watcher.onState(testedInstance(row))
      this.#told.set(placeOf(row), now)
    }
  }

  /** Lines that were on their way to the file when their task was settled. */
  async tellRest(rows: readonly TaskInstanceRow[]): Promise<void> {
    for (const row of rows) {
      for (let tryNumber = 1; tryNumber <= row.try_number; tryNumber += 1) await this.#tellLog(row, tryNumber, true)
    }
  }

  async #tellLog(row: TaskInstanceRow, tryNumber: number, isEnded = false): Promise<void> {
    const { dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex } = row
    const path = join(this.#test.config.paths.logs, logPathOf({ dagId, runId, taskId, mapIndex, tryNumber }))
    const { lines, offset } = await readLogChunk(path, this.#offsets.get(path) ?? 0, isEnded)
    this.#offsets.set(path, offset)
    for (const line of lines) this.#test.watcher.onLog(taskId, line)
  }
}
