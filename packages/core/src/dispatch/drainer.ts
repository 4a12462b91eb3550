import type { ExecutorClass } from '@fairlead/executor'
import {
  readDrains,
  readHeldBy,
  readLanesOfScheduled,
  readUnconfirmed,
  readWaitingIn,
  type DrainRow,
  type LeavingRow,
  type TaskOfVersion,
} from '../db/queries/drains.ts'
import { readLiveStatuses } from '../db/queries/executor-status.ts'
import { parseLane } from '../model/lane.ts'
import { redirectScheduled, requeueQueued, stopRunning } from '../moves/drain-work.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { settleDispatches } from '../moves/settle-dispatches.ts'
import type { Log } from '../observability/log.ts'
import { configProblem } from './config-fit.ts'
import type { Dispatcher } from './dispatcher.ts'
import { Wakeup } from './wakeup.ts'

/** What the drainer works with. */
export interface DrainerOptions {
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly log: Log
}

const ROWS_PER_MOVE = 200
const REPEAT_AFTER_FAILURE_MS = 1_000

/**
 * Moves work off executors that are drained, beside the loop and in bounded transactions. Several schedulers may do it
 * at once: each move is guarded.
 *
 * Invariant: a task goes nowhere that does not take its `executorConfig`; it stays, and is named.
 */
export class Drainer {
  readonly #options: DrainerOptions
  readonly #wakeup: Wakeup
  /** Whether a task may go to an executor, by both and its version; neither ever changes while this process lives. */
  readonly #verdicts = new Map<string, boolean>()

  constructor(options: DrainerOptions) {
    this.#options = options
    this.#wakeup = new Wakeup(options.context.environment.clock)
  }

  /** There may be something to move. */
  ring(): void {
    this.#wakeup.ring()
  }

  /** Works until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let waitMs: number | null = null
    while (!signal.aborted) {
      await this.#wakeup.wait(waitMs, signal)
      waitMs = await this.#turn()
    }
  }

  /** Answers how long it may sleep, or null for until it is rung. */
  async #turn(): Promise<number | null> {
    const { context, log } = this.#options
    try {
      const drains = await context.database.transaction((tx) => readDrains(tx.query))
      for (const drain of drains) await this.#drain(drain)
      return null
    } catch (error) {
      log.error('drain failed and will be tried again', { error })
      return REPEAT_AFTER_FAILURE_MS
    }
  }

  async #drain(drain: DrainRow): Promise<void> {
    const { context } = this.#options
    const { executor, move_to: to } = drain
    // Elsewhere somebody may know what the executor takes that work is to go to.
    if (to !== null && this.#classOf(to) === null) return
    const isReachable = await this.#isAlive(executor)
    if (to !== null) await this.#redirectAll(executor, to)
    // Nobody can confirm that a process is gone whose executor nobody has.
    if (!isReachable && drain.is_forced === 0) return
    await this.#each(drain, 'queued', (rows) => requeueQueued(context, { executor, to }, rows))
    if (drain.move_running === 1) await this.#each(drain, 'running', (rows) => stopRunning(context, executor, rows))
    if (!isReachable) await this.#freeAll(executor)
  }

  async #redirectAll(executor: string, to: string): Promise<void> {
    const { database } = this.#options.context
    const lanes = await database.transaction((tx) => readLanesOfScheduled(tx))
    for (const lane of lanes.filter((text) => parseLane(text).executors.includes(executor))) {
      const read = (staying: readonly TaskOfVersion[]) =>
        database.transaction((tx) => readWaitingIn(tx, lane, staying, ROWS_PER_MOVE))
      await this.#batches(to, read, (rows) => redirectScheduled(this.#options.context, { executor, to }, rows))
    }
  }

  #each(
    { executor, move_to: to }: DrainRow,
    state: 'queued' | 'running',
    move: (rows: readonly LeavingRow[]) => Promise<number>,
  ): Promise<void> {
    const { database } = this.#options.context
    const read = (staying: readonly TaskOfVersion[]) =>
      database.transaction((tx) => readHeldBy(tx, executor, state, { staying, limit: ROWS_PER_MOVE }))
    return this.#batches(to, read, move)
  }

  /** Reads and moves until nothing is found that may move. */
  async #batches(
    to: string | null,
    read: (staying: readonly TaskOfVersion[]) => Promise<readonly LeavingRow[]>,
    move: (rows: readonly LeavingRow[]) => Promise<number>,
  ): Promise<void> {
    const { faults } = this.#options.context.environment
    const staying: TaskOfVersion[] = []
    for (;;) {
      const rows = await read(staying)
      const leaving: LeavingRow[] = []
      for (const row of rows) {
        const task = { versionId: row.version_id, taskIndex: row.task_index }
        if (to === null || (await this.#takes(to, task))) leaving.push(row)
        else staying.push(task)
      }
      if (leaving.length > 0) {
        faults.at('drain.beforeMove')
        const moved = await move(leaving)
        faults.at('drain.afterMove')
        // Others have moved what was read: the next ring finds the rest.
        if (moved === 0) return
      } else if (rows.length < ROWS_PER_MOVE) return
    }
  }

  async #takes(to: string, { versionId, taskIndex }: TaskOfVersion): Promise<boolean> {
    const key = `${to}/${versionId}/${taskIndex}`
    const known = this.#verdicts.get(key)
    if (known !== undefined) return known
    const { context, log } = this.#options
    const graph = await context.database.transaction((tx) => context.graphs.of(tx, versionId))
    const task = graph.tasks[taskIndex]?.spec
    const problem =
      task === undefined
        ? null
        : await configProblem(this.#classOf(to)?.executorConfigSchema ?? null, task.executorConfig)
    if (problem !== null) {
      const facts = { dagId: graph.spec.dagId, taskId: task?.taskId, to, problem }
      log.warn('task stays on a draining executor, since the other does not take its executorConfig', facts)
    }
    this.#verdicts.set(key, problem === null)
    return problem === null
  }

  #classOf(name: string): Pick<ExecutorClass, 'executorConfigSchema'> | null {
    const managed = this.#options.dispatcher.executors.get(name)
    return managed === undefined ? null : (managed.executor.constructor as unknown as ExecutorClass)
  }

  /** Whether any live scheduler has the executor. */
  async #isAlive(executor: string): Promise<boolean> {
    const { context, dispatcher } = this.#options
    if (dispatcher.executors.has(executor)) return true
    const statuses = await readLiveStatuses(context.database.read, context.environment.clock.now())
    return statuses.some((status) => status.executor === executor)
  }

  /** Frees the slots of processes that nobody can ask about any more, by order. */
  async #freeAll(executor: string): Promise<void> {
    const { context, log } = this.#options
    const dispatchIds = await context.database.transaction((tx) => readUnconfirmed(tx, executor, ROWS_PER_MOVE))
    if (dispatchIds.length === 0) return
    const exit = { kind: 'shutdown', detail: 'Its executor is gone, and its end was assumed by order.' } as const
    await settleDispatches(
      context,
      dispatchIds.map((dispatchId) => ({ dispatchId, exit, actor: 'drain' })),
    )
    log.warn('processes are assumed to be gone by order', { executor, count: dispatchIds.length })
  }
}
