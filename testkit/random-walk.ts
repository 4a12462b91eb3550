import { DEFAULT_POOL, type DagSpec } from '@fairlead/protocol'
import { openDatabase, type Database, type Tx } from '../packages/core/src/db/database.ts'
import { migrate } from '../packages/core/src/db/migrate.ts'
import { ageWaiting } from '../packages/core/src/db/queries/claims.ts'
import { openDagGraphs } from '../packages/core/src/db/queries/dag-graphs.ts'
import { takeLease } from '../packages/core/src/db/queries/schedulers.ts'
import { statement } from '../packages/core/src/db/statement.ts'
import type { ExplainedRow } from '../packages/core/src/dispatch/explain-task-instance.ts'
import { NO_FAULTS } from '../packages/core/src/model/environment.ts'
import { createPool, deletePool, updatePool } from '../packages/core/src/moves/change-pools.ts'
import { claimTaskInstances, type ExecutorOffer } from '../packages/core/src/moves/claim-task-instances.ts'
import { clearTaskInstances } from '../packages/core/src/moves/clear-task-instances.ts'
import { createDagRun } from '../packages/core/src/moves/create-dag-run.ts'
import { endDagRun } from '../packages/core/src/moves/end-dag-run.ts'
import { markTaskInstances } from '../packages/core/src/moves/mark-task-instances.ts'
import type { MoveContext } from '../packages/core/src/moves/move-context.ts'
import { registerDagFile } from '../packages/core/src/moves/register-dag-file.ts'
import { releaseDueTaskInstances } from '../packages/core/src/moves/release-due.ts'
import { runTaskInstance } from '../packages/core/src/moves/run-task-instance.ts'
import type { TaskInstanceSelection } from '../packages/core/src/moves/select-task-instances.ts'
import { setDagPaused } from '../packages/core/src/moves/set-dag-paused.ts'
import { settleDispatches } from '../packages/core/src/moves/settle-dispatches.ts'
import { settleTaskInstances } from '../packages/core/src/moves/settle-task-instances.ts'
import { startDagRuns } from '../packages/core/src/moves/start-dag-runs.ts'
import { startTaskInstances } from '../packages/core/src/moves/start-task-instances.ts'
import { dagSpec, taskSpec } from './dag-specs.ts'
import { randomWalkDag, WALK_EXECUTORS, WALK_POOLS } from './random-walk-dag.ts'
import { coreRandom, RandomStream } from './simulation/random-stream.ts'

const setTrial = statement(() => 'savepoint trial')
const undoTrial = statement(() => 'rollback to trial')

/**
 * A deployment without a scheduler, walked at random through the real moves: every step leaves a state that could be.
 * All of it happens in one transaction that is never committed, so that a test may look at what would happen and go back.
 */
export class RandomWalk {
  readonly tx: Tx
  readonly context: MoveContext
  readonly stream: RandomStream
  readonly offers = new Map<string, ExecutorOffer>()
  now = Date.UTC(2026, 0, 1)
  readonly #dagIds: readonly string[]

  private constructor(database: Database, tx: Tx, seed: number) {
    this.tx = tx
    this.stream = new RandomStream(seed)
    const inside: Database = { ...database, read: tx.query, transaction: (work) => work(tx) }
    this.context = {
      database: inside,
      environment: {
        clock: { now: () => this.now, monotonic: () => this.now, yield: async () => undefined, sleep: never },
        random: coreRandom(this.stream.fork('core')),
        faults: NO_FAULTS,
      },
      graphs: openDagGraphs(),
      defaultExecutor: 'e0',
      launchBudget: 3,
      wake: () => undefined,
    }
    this.#dagIds = Array.from({ length: this.stream.int(1, 3) }, (_, index) => `dag${index}`)
  }

  /** Opens a deployment, hands it to `walk`, and forgets it. */
  static async take(database: Database, seed: number, walk: (world: RandomWalk) => Promise<void>): Promise<void> {
    const over = new Error('The walk is over.')
    try {
      await database.transaction(async (tx) => {
        const world = new RandomWalk(database, tx, seed)
        await world.#open()
        await walk(world)
        throw over
      })
    } catch (error) {
      if (error !== over) throw error
    }
  }

  /** Does one thing that users, workers, executors or time may do, and then what has become due. */
  async step(): Promise<string> {
    const what = this.stream.weighted(STEPS)
    await this.#do(what)
    await this.settleDue()
    return what
  }

  /** What a turn of the scheduler does before it admits. */
  async settleDue(): Promise<void> {
    while ((await releaseDueTaskInstances(this.context)) > 0);
    while ((await startDagRuns(this.context)) > 0);
  }

  /** Queues what admission lets through; answers the ids. */
  async claim(): Promise<readonly string[]> {
    const answer = await claimTaskInstances(this.context, { id: SCHEDULER }, this.offers)
    if (answer.kind !== 'claimed') throw new Error('The lease is not held.')
    return answer.tasks.map((task) => task.taskInstanceId)
  }

  /** Does what is asked, and takes it all back. */
  async onlyTrying<T>(work: () => Promise<T>): Promise<T> {
    const { now } = this
    const offers = [...this.offers]
    await this.tx.all(setTrial, [])
    try {
      return await work()
    } finally {
      await this.tx.all(undoTrial, [])
      this.now = now
      this.offers.clear()
      for (const [name, offer] of offers) this.offers.set(name, offer)
    }
  }

  /** Starts a run of a Dag of its own with this many tasks, on an executor of its own with room for all. */
  async openWide(executor: string, count: number): Promise<void> {
    this.offers.clear()
    this.offers.set(executor, { kind: 'open', parallelism: count })
    await this.changePool(DEFAULT_POOL, 'slots', count)
    const tasks = Array.from({ length: count }, (_, index) => taskSpec(`t${index}`, { executor }))
    await this.#register(dagSpec(executor, tasks, { maxActiveTasks: count }))
    this.now += 60_000
    await this.#trigger(executor)
    this.now += 60_000
    await this.settleDue()
  }

  /** Every task instance that is not settled. */
  rows(): Promise<ExplainedRow[]> {
    return this.tx.query
      .selectFrom('task_instance as ti')
      .innerJoin('dag_run as r', 'r.run_key', 'ti.run_key')
      .selectAll('ti')
      .select('r.version_id')
      .where('ti.state', 'in', ['none', 'scheduled', 'queued', 'running', 'up_for_retry', 'restarting'])
      .orderBy('ti.id')
      .execute()
  }

  /** Lets everything of a run that can end succeed. */
  async finishRun(runKey: number): Promise<void> {
    for (let turns = 0; turns < 20; turns++) {
      this.now += 600_000
      await this.#confirmStops(runKey)
      await this.settleDue()
      await this.claim()
      const rows = await this.tx.query
        .selectFrom('task_instance')
        .select(['id', 'dispatch_id', 'state'])
        .where('run_key', '=', runKey)
        .where('state', 'in', ['queued', 'running'])
        .execute()
      if (rows.length === 0) return
      const attempts = rows.map((row) => ({ taskInstanceId: row.id, dispatchId: row.dispatch_id ?? '' }))
      const isQueued = (index: number): boolean => rows[index]?.state === 'queued'
      await startTaskInstances(
        this.context,
        attempts.filter((_, index) => isQueued(index)).map((one) => ({ ...one, ...this.#worker() })),
      )
      const report = { state: 'success' as const, error: null }
      await settleTaskInstances(
        this.context,
        attempts.map((one) => ({ ...one, actor: 'worker', report, exit: null, endedAt: null })),
      )
    }
  }

  async #confirmStops(runKey: number): Promise<void> {
    const stopping = this.tx.query.selectFrom('dispatch').select('dispatch_id').where('run_key', '=', runKey)
    const rows = await stopping.where('stop_requested_at', 'is not', null).execute()
    const exit = { kind: 'superseded' } as const
    await settleDispatches(
      this.context,
      rows.map((row) => ({ dispatchId: row.dispatch_id, exit, actor: 'stop' })),
    )
  }

  #worker() {
    return { hostname: 'here', unixname: 'nobody', pid: 1, nonce: null, startedAt: this.now }
  }

  async #open(): Promise<void> {
    await takeLease(this.tx, { id: SCHEDULER, hostname: 'here', pid: 1, now: this.now, leaseMs: 1e12 })
    for (const name of WALK_EXECUTORS) this.#changeOffer(name)
    for (const name of WALK_POOLS.slice(1)) await this.changePool(name, 'slots')
    for (const dagId of this.#dagIds) {
      await this.#register(randomWalkDag(dagId, this.stream))
      await this.#trigger(dagId)
    }
  }

  async #register(spec: DagSpec): Promise<void> {
    await registerDagFile(this.context, {
      bundleName: 'dags',
      file: `${spec.dagId}.ts`,
      hash: spec.dagId,
      dags: [spec],
      defaults: { pauseNew: false, maxActiveRuns: 16, maxActiveTasks: 16 },
    })
  }

  async #do(what: keyof typeof STEPS): Promise<void> {
    switch (what) {
      case 'trigger':
        return this.#trigger(this.stream.pick(this.#dagIds))
      case 'claim':
        return void (await this.claim())
      case 'start':
        return this.#start()
      case 'report':
        return this.#report()
      case 'end':
        return this.#end()
      case 'pause':
        return this.#pause()
      case 'clear':
        return this.#clear()
      case 'mark':
        return this.#mark()
      case 'run':
        return this.#runTask()
      case 'endRun':
        return this.#endRun()
      case 'pool':
        return this.changePool(this.stream.pick(WALK_POOLS), this.stream.weighted({ slots: 5, gone: 1 }))
      case 'offer':
        return this.#changeOffer(this.stream.pick(WALK_EXECUTORS))
      case 'wait':
        this.now += this.stream.pick([1, 500, 5_000, 60_000])
        return void (await ageWaiting(this.tx, this.now, AGEING_MS, 1_000))
      default:
        return what satisfies never
    }
  }

  async #trigger(dagId: string): Promise<void> {
    const day = this.stream.int(0, 3)
    await createDagRun(this.context, {
      dagId,
      runId: null,
      runType: 'manual',
      logicalDate: day === 0 ? null : Date.UTC(2026, 0, day),
      dataInterval: null,
      runAfter: this.stream.chance(0.2) ? this.now + 10_000 : null,
      conf: null,
      note: null,
      triggeredBy: 'test',
    })
  }

  async #start(): Promise<void> {
    const one = await this.#pickIn('queued')
    if (one === null) return
    await startTaskInstances(this.context, [{ ...one, ...this.#worker() }])
  }

  async #report(): Promise<void> {
    const one = await this.#pickIn('running')
    if (one === null) return
    const state = this.stream.pick(['success', 'success', 'failed', 'up_for_retry', 'skipped'] as const)
    const report = { state, error: null }
    await settleTaskInstances(this.context, [{ ...one, actor: 'worker', report, exit: null, endedAt: null }])
  }

  /** A process ends, whether or not it was let run or has reported. */
  async #end(): Promise<void> {
    const rows = await this.tx.query.selectFrom('dispatch').select('dispatch_id').orderBy('dispatch_id').execute()
    if (rows.length === 0) return
    const dispatchId = this.stream.pick(rows).dispatch_id
    const exit = this.stream.chance(0.5)
      ? ({ kind: 'neverStarted', detail: 'no room' } as const)
      : ({ kind: 'exited', exitCode: 1 } as const)
    await settleDispatches(this.context, [{ dispatchId, exit, actor: 'executor' }])
  }

  async #pause(): Promise<void> {
    const dagId = this.stream.pick(this.#dagIds)
    await setDagPaused(this.context, { dagId, isPaused: this.stream.chance(0.4), actor: 'test' })
  }

  async #clear(): Promise<void> {
    const selection = await this.#select()
    if (selection === null) return
    await clearTaskInstances(this.context, selection, { actor: 'test', isDryRun: false, preventsRunning: false })
  }

  async #mark(): Promise<void> {
    const selection = await this.#select()
    if (selection === null) return
    const mark = this.stream.pick(['success', 'failed', 'skipped', 'cancelled', 'cancelled'] as const)
    await markTaskInstances(this.context, selection, { actor: 'test', isDryRun: false, mark })
  }

  /** Somebody asks for one task instance, on any executor, past what is upstream of it or not. */
  async #runTask(): Promise<void> {
    const run = await this.#pickRun()
    if (run === null) return
    const taskId = await this.#pickTask(run.run_key)
    await runTaskInstance(this.context, {
      actor: 'test',
      dagId: run.dag_id,
      runId: run.run_id,
      taskId,
      mapIndex: -1,
      executor: this.stream.chance(0.5) ? null : this.stream.pick(WALK_EXECUTORS),
      ignoresDependencies: this.stream.chance(0.5),
      problemWith: () => null,
    })
  }

  async #endRun(): Promise<void> {
    const run = await this.#pickRun()
    if (run === null) return
    const as = this.stream.pick(['success', 'failed', 'queued', 'cancelled'] as const)
    await endDagRun(this.context, { dagId: run.dag_id, runId: run.run_id, actor: 'test', as })
  }

  /** Some task instances of a run, or of it and those before or after it. */
  async #select(): Promise<TaskInstanceSelection | null> {
    const run = await this.#pickRun()
    if (run === null) return null
    const chance = (): boolean => this.stream.chance(0.3)
    return {
      dagId: run.dag_id,
      runs: { kind: 'one', runId: run.run_id, past: chance(), future: chance() },
      tasks: {
        taskIds: this.stream.chance(0.2) ? null : [await this.#pickTask(run.run_key)],
        includeUpstream: chance(),
        includeDownstream: this.stream.chance(0.5),
      },
      mapIndexes: new Map(),
      states: chance() ? new Set(['failed', 'upstream_failed']) : null,
    }
  }

  async #pickTask(runKey: number): Promise<string> {
    const rows = await this.tx.query
      .selectFrom('task_instance')
      .select('task_id')
      .where('run_key', '=', runKey)
      .orderBy('task_index')
      .execute()
    return this.stream.pick(rows).task_id
  }

  async #pickRun(): Promise<{ run_key: number; run_id: string; dag_id: string } | null> {
    const runs = await this.tx.query
      .selectFrom('dag_run')
      .select(['run_key', 'run_id', 'dag_id'])
      .orderBy('run_key')
      .execute()
    return runs.length === 0 ? null : this.stream.pick(runs)
  }

  /** Gives a pool other slots, making it where it is not there, or deletes it. */
  async changePool(name: string, how: 'slots' | 'gone', slots = this.stream.pick([-1, 0, 1, 2, 3, 5])): Promise<void> {
    if (how === 'gone') return void (await deletePool(this.context, { name, actor: 'test' }))
    const { kind } = await updatePool(this.context, { name, change: { slots }, actor: 'test' })
    if (kind === 'moved') return
    await createPool(this.context, { name, slots, description: null, includeDeferred: false, actor: 'test' })
  }

  #changeOffer(name: string): void {
    const kind = this.stream.weighted({ open: 8, starting: 1, unhealthy: 1, missing: 1 })
    this.offers.delete(name)
    if (kind === 'open') this.offers.set(name, { kind, parallelism: this.stream.int(1, 6) })
    if (kind === 'starting') this.offers.set(name, { kind })
    if (kind === 'unhealthy') this.offers.set(name, { kind, reason: 'it does not answer' })
  }

  async #pickIn(state: 'queued' | 'running'): Promise<{ taskInstanceId: string; dispatchId: string } | null> {
    const rows = await this.tx.query
      .selectFrom('task_instance')
      .select(['id', 'dispatch_id'])
      .where('state', '=', state)
      .orderBy('id')
      .execute()
    if (rows.length === 0) return null
    const { id, dispatch_id: dispatchId } = this.stream.pick(rows)
    return { taskInstanceId: id, dispatchId: dispatchId ?? '' }
  }
}

/** An empty database for walks. */
export async function openWalkDatabase(): Promise<Database> {
  const database = openDatabase({ url: ':memory:', pid: process.pid })
  await migrate(database)
  return database
}

const SCHEDULER = 'scheduler'
const AGEING_MS = 30_000
const BY_ITSELF = { trigger: 3, claim: 3, start: 4, report: 4, end: 4, pause: 1, offer: 3, pool: 2, wait: 2 }
const BY_HAND = { clear: 2, mark: 1, run: 2, endRun: 1 }
const STEPS = { ...BY_ITSELF, ...BY_HAND }

async function never(): Promise<void> {
  throw new Error('Nothing sleeps in a walk.')
}
