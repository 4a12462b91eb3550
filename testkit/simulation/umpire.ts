import type { Database, Tx } from '../../packages/core/src/db/database.ts'
import type { HeartbeatAnswer, HeartbeatRequest } from '../../packages/core/src/moves/heartbeat-task-instance.ts'
import type { SettleAnswer, Settlement } from '../../packages/core/src/moves/settle-task-instances.ts'
import type { StartAnswer, StartRequest } from '../../packages/core/src/moves/start-task-instances.ts'
import { AuditModel } from './audit-model.ts'
import { checkClaim } from './claim-check.ts'
import { checkTriggerRules } from './check-trigger-rules.ts'
import { Crash } from './life.ts'
import { OrderedFailure } from './ordered-failure.ts'
import { recountDags, recountRuns } from './recount.ts'
import type { AttemptModel, RunModel, TaskModel } from './run-model.ts'
import { SlotCheck, type Truth } from './slot-check.ts'
import type { Inspect } from './simulated-database.ts'
import type { Trace } from './trace.ts'

/** A broken invariant. */
export interface Violation {
  readonly invariant: string
  readonly detail: string
}

/** What an umpire works with. */
export interface UmpireOptions {
  readonly parallelism: ReadonlyMap<string, number>
  readonly truth: Truth
  readonly trace: Trace
  /** Whether each transaction is followed by a look at everything. */
  readonly checksAll: boolean
  /** The kernel's time, which is never stepped. */
  now(): number
  /** Now and then, of what a transaction leaves: whether `explain` tells the truth. Null when it does. */
  probe(tx: Tx, who: string, now: number): Promise<string | null>
}

/** A sweep that stops what gave a sign of life this recently is wrong, whatever clocks are stepped or skewed by. */
const RECENT_MS = 10_000
const TRANSACTIONS_PER_FULL_CHECK = 20

/** Holds every commit and every answer against the invariants. Remembers the first that is broken. */
export class Umpire {
  readonly model: AuditModel
  readonly slots: SlotCheck
  readonly #truth: Truth
  readonly #trace: Trace
  readonly #open = new Set<AttemptModel>()
  readonly #checksAll: boolean
  readonly #now: () => number
  readonly #probe: UmpireOptions['probe']
  violation: Violation | null = null
  #transactions = 0

  constructor(options: UmpireOptions) {
    const violated = (invariant: string, detail: string): void => this.violated(invariant, detail)
    this.model = new AuditModel(violated)
    this.slots = new SlotCheck(options.parallelism, options.truth, violated)
    this.#truth = options.truth
    this.#trace = options.trace
    this.#checksAll = options.checksAll
    this.#now = options.now
    this.#probe = options.probe
  }

  violated(invariant: string, detail: string): void {
    if (this.violation !== null) return
    this.violation = { invariant, detail }
    this.#trace.note('umpire', `BROKEN ${invariant}: ${detail}`)
  }

  /** An error that nobody ordered is a bug. */
  judgeError(who: string, error: unknown): void {
    if (error instanceof Crash || error instanceof OrderedFailure) return
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.violated('no surprises', `${who}: ${text.split('\n').slice(0, 6).join(' | ')}`)
  }

  /** The last thing in each transaction: what it commits must be right. */
  async inspect(tx: Tx, { who, now, hasWritten }: Parameters<Inspect>[1]): Promise<void> {
    // What wrote nothing broke nothing that held before it.
    if (!hasWritten && !this.#checksAll) return
    const changes = await this.model.advance(tx)
    this.#transactions += 1
    for (const line of changes.lines) this.#trace.note(who, line)
    if (!changes.isAudited) this.#trace.detail(who, () => 'transaction')
    const attempts = this.#openAttempts(changes.closed)
    const slots = await this.slots.check(tx, now, { attempts, closed: changes.closed })
    await checkClaim(tx, { ...slots, attempts: this.model.attempts }, (...what) => this.violated(...what))
    const isFull = this.#checksAll || this.#transactions % TRANSACTIONS_PER_FULL_CHECK === 0
    if (!changes.isAudited && !isFull) return
    const violated = (invariant: string, detail: string): void => this.violated(invariant, detail)
    const runs = isFull ? [...this.model.runs.values()] : [...changes.runs]
    for (const run of changes.runs) this.#checkRules(run, changes.number)
    for (const attempt of changes.closed) this.#checkClose(attempt)
    for (const task of changes.restarted) this.#checkRestart(task)
    for (const run of runs) this.#checkRestarting(run)
    await recountRuns(tx, runs, violated)
    await recountDags(tx, { runs: this.model.runs.values(), number: changes.number }, violated)
    if (changes.isAudited && this.violation === null) await this.#askToExplain(tx, who, now)
  }

  async #askToExplain(tx: Tx, who: string, now: number): Promise<void> {
    const problem = await this.#probe(tx, who, now)
    if (problem !== null) this.violated('explain', problem)
  }

  /** Looks at everything once more. */
  async inspectAll(database: Database): Promise<void> {
    await database.transaction(async (tx) => {
      await recountRuns(tx, [...this.model.runs.values()], (...what) => this.violated(...what))
      await recountDags(tx, { runs: this.model.runs.values(), number: -1 }, (...what) => this.violated(...what))
    })
  }

  /** An end is acknowledged once its slot is free, in what is committed. */
  acknowledged(dispatchId: string, executor: string): void {
    if (this.slots.isHeldOn(dispatchId, executor))
      this.violated('no lost event', `the end of ${dispatchId} was acknowledged too early`)
  }

  started(request: StartRequest, answer: StartAnswer): void {
    this.#trace.note(
      request.hostname,
      `${request.pid} asks to start: ${answer.kind}${'reason' in answer ? ` ${answer.reason}` : ''}`,
    )
    if (answer.kind !== 'started') return
    const task = this.#currentTask(request.dispatchId)
    if (task?.state !== 'running')
      this.violated('one live attempt', `${request.hostname}/${request.pid} was let run without being current`)
    if (!answer.isRepeated) this.#noteSign(request.dispatchId)
  }

  settled(settlement: Settlement, answer: SettleAnswer): void {
    const { dispatchId } = settlement
    const said =
      answer.kind === 'moved'
        ? `moved to ${answer.to}`
        : `${answer.kind}${'reason' in answer ? ` ${answer.reason}` : ''}`
    this.#trace.note('api', `${dispatchId.slice(-6)} reports ${settlement.report?.state ?? ''}: ${said}`)
    if (answer.kind !== 'moved') return
    const closed = this.model.attempts.get(dispatchId)?.closed
    if (closed?.to !== answer.to || closed.actor !== settlement.actor) {
      this.violated('one outcome', `a report of ${dispatchId} was accepted for another attempt`)
    }
  }

  beat(request: HeartbeatRequest, answer: HeartbeatAnswer): void {
    const isCurrent = this.#currentTask(request.dispatchId)?.state === 'running'
    if (isCurrent !== (answer.kind === 'alive')) {
      this.violated(
        'one live attempt',
        `${request.hostname}/${request.pid} is ${isCurrent ? '' : 'not '}current, and told ${answer.kind}`,
      )
    }
    if (isCurrent) this.#noteSign(request.dispatchId)
  }

  /** Nothing that is wanted, runs and says so is stopped. */
  revoked(dispatchId: string): void {
    const { lastSignAt = null, isToStop = false } = this.model.attempts.get(dispatchId) ?? {}
    if (isToStop) return
    if (this.#currentTask(dispatchId)?.state !== 'running' || lastSignAt === null) return
    const silentMs = this.#now() - lastSignAt
    if (silentMs < RECENT_MS) {
      this.violated('no needless end', `${dispatchId} was stopped, and gave a sign of life ${silentMs} ms before`)
    }
  }

  #noteSign(dispatchId: string): void {
    const attempt = this.model.attempts.get(dispatchId)
    if (attempt !== undefined) attempt.lastSignAt = this.#now()
  }

  #currentTask(dispatchId: string) {
    const attempt = this.model.attempts.get(dispatchId)
    return attempt !== undefined && attempt.closed === null && attempt.task.dispatchId === dispatchId
      ? attempt.task
      : undefined
  }

  #checkRules(run: RunModel, number: number): void {
    const problem = checkTriggerRules(run, number)
    if (problem !== null) this.violated('trigger rules', problem)
  }

  /** What was cleared while it ran may run again only when nothing of it is left. */
  #checkRestart(task: TaskModel): void {
    const alive = task.attempts.find(({ dispatchId }) => this.#truth.isAlive(dispatchId))
    if (alive !== undefined) this.violated('confirmed stop', `${task.label} restarts while ${alive.dispatchId} lives`)
  }

  /** What is restarting waits for a process, and for nothing else. */
  #checkRestarting(run: RunModel): void {
    for (const task of run.tasks.values()) {
      if (task.state !== 'restarting') continue
      if (!task.attempts.some(({ dispatchId }) => this.slots.isHeld(dispatchId)))
        this.violated('confirmed stop', `${task.label} is restarting, and nothing of it holds a slot`)
    }
  }

  /** An attempt ends for a reason of its own, and only for one that is true. */
  #checkClose({ dispatchId, task, closed }: AttemptModel): void {
    const { from = 'none', to = 'none', actor = '', detail = '' } = closed ?? {}
    const label = `${task.label} (${dispatchId})`
    if (actor === 'worker') {
      const reported = this.#truth.reported(dispatchId)
      const isTrue = reported.has(to) || (to === 'failed' && reported.has('up_for_retry'))
      if (!isTrue) this.violated('one outcome', `${label} is ${to} by a report that its worker never made`)
    } else if (actor !== 'operator' && (to === 'success' || to === 'skipped')) {
      this.violated('one outcome', `${label} is ${to} without a report`)
    }
    // The machines forget nothing, so an executor that no longer knows of its work has lost an event.
    if (actor === 'sweep' && detail.includes('no longer knows') && !this.#truth.wasRevoked(dispatchId)) {
      this.violated('no lost event', `${label} was forgotten by its executor`)
    }
    if (actor === 'stuck_in_queued' && from === 'running')
      this.violated('no needless end', `${label} ended as stuck in the queue after it had started`)
    if (actor === 'executor' && this.#truth.isAlive(dispatchId))
      this.violated('one outcome', `${label} ended by an executor while it lives`)
    if (actor === 'adoption' && this.#truth.isAlive(dispatchId))
      this.violated('one outcome', `${label} was given up while it lives`)
  }

  #openAttempts(closed: readonly AttemptModel[]): Iterable<AttemptModel> {
    for (const attempt of closed) this.#open.delete(attempt)
    for (const run of this.model.runs.values()) {
      for (const { dispatchId } of run.tasks.values()) {
        const attempt = dispatchId === null ? undefined : this.model.attempts.get(dispatchId)
        if (attempt !== undefined && attempt.closed === null) this.#open.add(attempt)
      }
    }
    return this.#open
  }
}
