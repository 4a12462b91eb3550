import {
  DAG_RUN_MOVES,
  isLegalTaskInstanceMove,
  isTerminal,
  isTerminalDagRun,
  type DagRunState,
  type DagSpec,
  type TaskInstanceState,
} from '@fairlead/protocol'
import type { Tx } from '../../packages/core/src/db/database.ts'
import { statement } from '../../packages/core/src/db/statement.ts'
import { newRun, type AttemptModel, type RunModel, type TaskModel } from './run-model.ts'

interface AuditRow {
  readonly seq: number
  readonly event: string
  readonly actor: string
  readonly dag_id: string
  readonly run_id: string
  readonly task_id: string
  readonly try_number: number
  readonly dispatch_id: string | null
  readonly from_state: TaskInstanceState
  readonly to_state: TaskInstanceState
  readonly detail: string | null
}

/** What a transaction did, by its audit log. */
export interface AuditedChanges {
  readonly number: number
  readonly runs: ReadonlySet<RunModel>
  readonly closed: readonly AttemptModel[]
  /** Task instances whose restart is over. */
  readonly restarted: readonly TaskModel[]
  readonly lines: readonly string[]
  /** True when anything at all was logged. */
  readonly isAudited: boolean
}

type OpenChanges = Pick<AuditedChanges, 'number'> & {
  readonly runs: Set<RunModel>
  readonly closed: AttemptModel[]
  readonly restarted: TaskModel[]
}

/** Who changes task instances by hand in a simulation. */
const BY_HAND = 'operator'

const newRows = statement(
  () => `select seq, event, actor, dag_id, run_id, task_id, try_number, dispatch_id, from_state, to_state, detail
  from audit_log where seq > $1 order by seq`,
)
const createdRun = statement(
  () => `select r.run_key, v.spec from dag_run r join dag_version v on v.id = r.version_id
  where r.dag_id = $1 and r.run_id = $2`,
)

/** Follows the audit log, and refuses whatever does not follow from what it said before. */
export class AuditModel {
  readonly runs = new Map<string, RunModel>()
  readonly attempts = new Map<string, AttemptModel>()
  readonly #violated: (invariant: string, detail: string) => void
  #lastSeq = 0
  #number = 0

  constructor(violated: (invariant: string, detail: string) => void) {
    this.#violated = violated
  }

  /** Reads on, inside the transaction that wrote. */
  async advance(tx: Tx): Promise<AuditedChanges> {
    const rows = await tx.all<AuditRow>(newRows, [this.#lastSeq])
    const changes = {
      number: (this.#number += 1),
      runs: new Set<RunModel>(),
      closed: [] as AttemptModel[],
      restarted: [] as TaskModel[],
      lines: [] as string[],
      isAudited: rows.length > 0,
    }
    for (const row of rows) {
      this.#lastSeq = row.seq
      const place = [row.dag_id, row.run_id, row.task_id].filter((part) => part !== null).join('/')
      const move = row.to_state === null ? '' : ` ${row.from_state ?? ''}>${row.to_state}`
      changes.lines.push(
        `${row.event} ${place}${move} by ${row.actor}${row.dispatch_id === null ? '' : ` ${row.dispatch_id.slice(-6)}`}`,
      )
      if (row.event === 'dag_run.created') await this.#createRun(tx, row, changes)
      if (row.event === 'dag_run.state') this.#moveRun(row, changes)
      if (row.event === 'task_instance.state') this.#moveTask(row, changes)
      if (row.event === 'task_instance.stop_requested') this.#noteStop(row)
    }
    return changes
  }

  async #createRun(tx: Tx, row: AuditRow, changes: { runs: Set<RunModel> }): Promise<void> {
    const [created] = await tx.all<{ run_key: number; spec: string }>(createdRun, [row.dag_id, row.run_id])
    if (created === undefined) return this.#violated('complete audit', `run ${row.run_id} is logged and not there`)
    const at = { runKey: created.run_key, dagId: row.dag_id, runId: row.run_id }
    const run = newRun(at, JSON.parse(created.spec) as DagSpec)
    this.runs.set(`${row.dag_id}/${row.run_id}`, run)
    changes.runs.add(run)
  }

  #noteStop(row: AuditRow): void {
    const attempt = this.attempts.get(row.dispatch_id ?? '')
    if (attempt !== undefined) attempt.isToStop = true
  }

  #moveRun(row: AuditRow, changes: { runs: Set<RunModel>; number: number }): void {
    const run = this.runs.get(`${row.dag_id}/${row.run_id}`)
    if (run === undefined) return this.#violated('complete audit', `${row.dag_id}/${row.run_id} was never created`)
    const [from, to] = [row.from_state as DagRunState, row.to_state as DagRunState]
    if (run.state !== from || !DAG_RUN_MOVES[from].includes(to)) {
      this.#violated('legal moves', `run ${row.run_id} was ${run.state} and is logged as ${from} > ${to}`)
    }
    const isByHand = row.actor === BY_HAND
    if (isTerminalDagRun(from) && !isByHand) this.#violated('legal moves', `run ${row.run_id} left ${from} by itself`)
    run.state = to
    if (to === 'running') run.startedIn = changes.number
    if (isTerminalDagRun(to)) this.#checkOutcome(run, isByHand)
    changes.runs.add(run)
  }

  #checkOutcome(run: RunModel, isByHand: boolean): void {
    const tasks = [...run.tasks.values()]
    const open = tasks.find((task) => !isTerminal(task.state))
    if (open !== undefined) this.#violated('run outcome', `${run.runId} ended while ${open.label} was ${open.state}`)
    // Somebody who marks a run says how it ends.
    if (isByHand) return
    const hasFailed = tasks.some((task) => task.isLeaf && (task.state === 'failed' || task.state === 'upstream_failed'))
    if ((run.state === 'failed') !== hasFailed) this.#violated('run outcome', `${run.runId} ended as ${run.state}`)
  }

  #moveTask(row: AuditRow, changes: OpenChanges): void {
    const run = this.runs.get(`${row.dag_id}/${row.run_id}`)
    const task = run?.tasks.get(row.task_id)
    if (run === undefined || task === undefined) return this.#violated('complete audit', `${row.task_id} is unknown`)
    changes.runs.add(run)
    const { from_state: from, to_state: to } = row
    if (task.state !== from || !isLegalTaskInstanceMove(from, to)) {
      this.#violated('legal moves', `${task.label} was ${task.state} and is logged as ${from} > ${to} by ${row.actor}`)
    }
    const isByHand = row.actor === BY_HAND
    if (isTerminal(from) && !isByHand) this.#violated('legal moves', `${task.label} left ${from} by itself`)
    this.#followAttempt(task, row, changes)
    if (from === 'none' && !isByHand) [task.decidedIn, task.decidedAs] = [changes.number, to]
    if (to === 'none') task.clearedIn = changes.number
    if (to === 'none' || to === 'restarting') task.dispatchId = null
    if (from === 'restarting' && to === 'none') changes.restarted.push(task)
    task.settledIn = isTerminal(to) ? changes.number : null
    task.state = to
    this.#followTry(task, row)
  }

  #followAttempt(task: TaskModel, row: AuditRow, changes: { closed: AttemptModel[] }): void {
    const { from_state: from, to_state: to, dispatch_id: dispatchId } = row
    if (to === 'queued') {
      if (dispatchId === null || this.attempts.has(dispatchId)) {
        this.#violated('one live attempt', `${task.label} is queued under the known dispatch id ${dispatchId}`)
      }
      task.dispatchId = dispatchId
      const attempt = { dispatchId: dispatchId ?? '', task, closed: null, lastSignAt: null, isToStop: false }
      this.attempts.set(attempt.dispatchId, attempt)
      task.attempts.push(attempt)
    } else if (from === 'queued' || from === 'running') {
      if (task.dispatchId !== dispatchId)
        this.#violated('one live attempt', `${task.label} moves under a foreign dispatch id`)
      if (to !== 'running') this.#close(task, row, changes)
    }
  }

  #close(task: TaskModel, row: AuditRow, changes: { closed: AttemptModel[] }): void {
    const attempt = this.attempts.get(row.dispatch_id ?? '')
    if (attempt === undefined) return this.#violated('one live attempt', `${task.label} ends an unknown attempt`)
    if (attempt.closed !== null)
      this.#violated('one outcome', `attempt ${attempt.dispatchId} of ${task.label} ends twice`)
    attempt.closed = { from: row.from_state, to: row.to_state, actor: row.actor, detail: row.detail ?? '' }
    changes.closed.push(attempt)
    if (row.to_state === 'scheduled' || row.to_state === 'up_for_retry') task.dispatchId = null
  }

  #followTry(task: TaskModel, row: AuditRow): void {
    const isNewTry = row.to_state === 'scheduled' && row.from_state !== 'queued'
    task.tryNumber += isNewTry ? 1 : 0
    if (row.try_number !== task.tryNumber) {
      this.#violated('tries', `${task.label} is at try ${task.tryNumber} and logged with ${row.try_number}`)
    }
  }
}
