import { isTerminal } from '@fairlead/protocol'
import type { Database, Tx } from '../../packages/core/src/db/database.ts'
import { openDagGraphs } from '../../packages/core/src/db/queries/dag-graphs.ts'
import { takeLease } from '../../packages/core/src/db/queries/schedulers.ts'
import { statement } from '../../packages/core/src/db/statement.ts'
import { explainTaskInstance, type ExplainedRow } from '../../packages/core/src/dispatch/explain-task-instance.ts'
import type { Explanation } from '../../packages/core/src/dispatch/explanation.ts'
import { NO_FAULTS } from '../../packages/core/src/model/environment.ts'
import { claimTaskInstances, type ExecutorOffer } from '../../packages/core/src/moves/claim-task-instances.ts'
import type { MoveContext } from '../../packages/core/src/moves/move-context.ts'
import { releaseDueTaskInstances } from '../../packages/core/src/moves/release-due.ts'
import { startDagRuns } from '../../packages/core/src/moves/start-dag-runs.ts'
import { never } from './life.ts'
import { coreRandom, type RandomStream } from './random-stream.ts'
import { removeGate } from './remove-gate.ts'

/** Where and when `explain` is asked, and what its scheduler's executors offer. */
export interface ProbedMoment {
  readonly tx: Tx
  readonly now: number
  readonly offers: ReadonlyMap<string, ExecutorOffer>
}

/** A moment that may be changed to see what would happen; all of it is taken back. */
export interface Trial {
  readonly tx: Tx
  readonly context: MoveContext
  readonly offers: Map<string, ExecutorOffer>
  now: number
}

const MOST_GATES = 12
const SCHEDULER = 'probe'
const setProbe = statement(() => 'savepoint probe')
const undoProbe = statement(() => 'rollback to probe')
const releaseProbe = statement(() => 'release probe')

/**
 * Asks `explain` of everything that waits: it says ready of exactly what the next turn queues, and what it says of one
 * of the others is what holds it, since with each gate that it names out of the way the task is queued.
 */
export class ExplainProbe {
  readonly #database: Database
  readonly #stream: RandomStream
  readonly #graphs = openDagGraphs()

  constructor(database: Database, stream: RandomStream) {
    this.#database = database
    this.#stream = stream
  }

  /** Answers what is wrong, or null. */
  async ask(moment: ProbedMoment): Promise<string | null> {
    return await this.#trying(moment, async (trial) => {
      await takeLease(trial.tx, { id: SCHEDULER, hostname: 'here', pid: 1, now: trial.now, leaseMs: 1e12 })
      await settleDue(trial)
      return (await this.#checkReady(trial)) ?? (await this.#checkGates(trial))
    })
  }

  async #checkReady(trial: Trial): Promise<string | null> {
    const ready: string[] = []
    for (const row of await waitingRows(trial)) if ((await explain(trial, row)).gate === 'ready') ready.push(row.id)
    const claimed = await this.#trying(trial, claim)
    const shown = (ids: readonly string[]): string => ids.toSorted().join(' ')
    if (shown(ready) === shown(claimed)) return null
    return `ready are said to be [${shown(ready)}], and queued would be [${shown(claimed)}]`
  }

  async #checkGates(trial: Trial): Promise<string | null> {
    const rows = await waitingRows(trial)
    if (rows.length === 0) return null
    const first = this.#stream.pick(rows)
    let row: ExplainedRow = first
    let before = ''
    for (let gates = 0; gates < MOST_GATES; gates += 1) {
      const explanation = await explain(trial, row)
      const { gate, sentence } = explanation
      if (gate === 'ready') {
        if ((await claim(trial)).includes(row.id)) return null
        return `${labelOf(row)} is said to be ready, and would not be queued`
      }
      if (`${gate}: ${sentence}` === before) return `${labelOf(row)} is still held by what is gone, ${before}`
      before = `${gate}: ${sentence}`
      if (gate === 'upstream') return await checkUpstream(trial, row, explanation)
      await removeGate(trial, row, explanation)
      await settleDue(trial)
      const found = (await unsettledRows(trial)).find((one) => isSame(one, first))
      // It was decided otherwise, by its trigger rule.
      if (found === undefined) return null
      row = found
    }
    return `${labelOf(row)} is held by one gate after the other, the last is ${before}`
  }

  async #trying<T>(moment: ProbedMoment, work: (trial: Trial) => Promise<T>): Promise<T> {
    const { tx, now } = moment
    const context = this.#contextOf(tx, () => trial.now)
    const trial: Trial = { tx, now, offers: new Map(moment.offers), context }
    await tx.all(setProbe)
    try {
      return await work(trial)
    } finally {
      await tx.all(undoProbe)
      await tx.all(releaseProbe)
    }
  }

  #contextOf(tx: Tx, now: () => number): MoveContext {
    return {
      database: { ...this.#database, read: tx.query, transaction: (work) => work(tx) },
      environment: {
        clock: { now, monotonic: now, yield: never, sleep: never },
        random: coreRandom(this.#stream),
        faults: NO_FAULTS,
      },
      graphs: this.#graphs,
      defaultExecutor: 'push',
      launchBudget: 3,
      wake: () => undefined,
    }
  }
}

function explain({ context, offers }: Trial, row: ExplainedRow): Promise<Explanation> {
  return explainTaskInstance(context, offers, row)
}

async function claim({ context, offers }: Trial): Promise<readonly string[]> {
  const answer = await claimTaskInstances(context, { id: SCHEDULER }, offers)
  return answer.kind === 'claimed' ? answer.tasks.map((task) => task.taskInstanceId) : []
}

/** What a turn of the scheduler does before it admits. */
async function settleDue({ context }: Trial): Promise<void> {
  while ((await releaseDueTaskInstances(context)) > 0);
  while ((await startDagRuns(context)) > 0);
}

/** What it is said to wait for is what has not settled among its upstreams, and something is. */
async function checkUpstream(trial: Trial, row: ExplainedRow, { facts }: Explanation): Promise<string | null> {
  const spec = (await trial.context.graphs.of(trial.tx, row.version_id)).tasks[row.task_index]?.spec
  const open = (await unsettledRows(trial)).filter(
    (one) => one.run_key === row.run_key && spec?.upstream.includes(one.task_id) === true && !isTerminal(one.state),
  )
  const expected = open.map((one) => one.task_id).toSorted()
  const told = (facts['waitingFor'] as readonly string[]).toSorted()
  if (expected.length > 0 && expected.join(' ') === told.join(' ')) return null
  return `${labelOf(row)} is said to wait for [${told.join(' ')}], and open are [${expected.join(' ')}]`
}

async function waitingRows(trial: Trial): Promise<readonly ExplainedRow[]> {
  const rows = await unsettledRows(trial)
  return rows.filter(({ state }) => state === 'none' || state === 'scheduled' || state === 'up_for_retry')
}

function unsettledRows({ tx }: Trial): Promise<ExplainedRow[]> {
  return tx.query
    .selectFrom('task_instance as ti')
    .innerJoin('dag_run as r', 'r.run_key', 'ti.run_key')
    .selectAll('ti')
    .select('r.version_id')
    .where('ti.state', 'in', ['none', 'scheduled', 'queued', 'running', 'up_for_retry', 'restarting'])
    .orderBy('ti.run_key')
    .orderBy('ti.task_index')
    .execute()
}

function isSame(one: ExplainedRow, other: ExplainedRow): boolean {
  return one.run_key === other.run_key && one.task_index === other.task_index && one.map_index === other.map_index
}

function labelOf({ run_key: runKey, task_id: taskId }: ExplainedRow): string {
  return `${taskId} of run ${runKey}`
}
