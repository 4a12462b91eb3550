import type { DagRunState } from '@fairlead/protocol'
import type { Tx } from '../db/database.ts'
import { appendAudit, type AuditEntry } from '../db/queries/audit.ts'
import type { VersionedGraph } from '../db/queries/dag-graphs.ts'
import type { LockedRun } from '../db/queries/lock-runs.ts'
import {
  changeDagRunCounts,
  changeRunCounts,
  settleRuns,
  type ChangedRun,
  type RunChange,
} from '../db/queries/update-runs.ts'
import { setWindows } from '../db/queries/windows.ts'
import { dagRunOutcome } from '../model/run-outcome.ts'
import type { MoveContext } from './move-context.ts'

/**
 * What one transaction does to the runs it holds: their counts, their end, their windows and the audit log.
 *
 * Invariant 1: a run is in the ledger only while this transaction holds its row.
 * Invariant 2: `close` writes everything, once, before the commit.
 */
export class RunLedger {
  readonly tx: Tx
  readonly context: MoveContext
  readonly now: number
  readonly #runs: Map<number, OpenRun>
  readonly #audit: AuditEntry[] = []

  constructor(tx: Tx, context: MoveContext, locked: readonly LockedRun[]) {
    this.tx = tx
    this.context = context
    this.now = context.environment.clock.now()
    this.#runs = new Map(locked.map((run) => [run.run_key, new OpenRun(run)]))
  }

  /** The run with this key, which must be held. */
  run(runKey: number): OpenRun {
    const run = this.#runs.get(runKey)
    if (run === undefined) throw new Error(`Dag run ${runKey} is changed without its lock.`)
    return run
  }

  holds(runKey: number): boolean {
    return this.#runs.has(runKey)
  }

  get runs(): readonly OpenRun[] {
    return [...this.#runs.values()]
  }

  graphOf(runKey: number): Promise<VersionedGraph> {
    return this.context.graphs.of(this.tx, this.run(runKey).row.version_id)
  }

  /** Notes a move of a task instance. */
  audit(runKey: number, entry: Omit<AuditEntry, 'dagId' | 'runId' | 'event'>): void {
    const { dag_id, run_id } = this.run(runKey).row
    this.#audit.push({ event: 'task_instance.state', dagId: dag_id, runId: run_id, ...entry })
  }

  /** Notes a move of a run, or anything else. */
  note(entry: AuditEntry): void {
    this.#audit.push(entry)
  }

  /** Writes counts, ends runs with nothing left to do, refits windows, appends the audit log. */
  async close(): Promise<void> {
    const touched = this.runs.filter((run) => run.isChanged)
    if (touched.length > 0) {
      const changed = await changeRunCounts(
        this.tx,
        touched.map((run) => run.change()),
      )
      await this.#endRuns(changed)
      await this.#refitWindows(changed)
    }
    await appendAudit(this.tx, this.#audit, this.now)
  }

  async #endRuns(changed: readonly ChangedRun[]): Promise<void> {
    const ended = changed.flatMap((run) => {
      const open = this.run(run.run_key)
      const state = open.endsAs({ unfinished: run.unfinished, failedLeaves: run.failed_leaves })
      return state === null ? [] : [{ open, runKey: run.run_key, from: open.state, state }]
    })
    if (ended.length === 0) return
    await settleRuns(this.tx, ended, this.now)
    const counts = new Map<string, { running: number; queued: number }>()
    for (const { open, from, state } of ended) {
      const { dag_id: dagId, run_id: runId } = open.row
      const { running, queued } = counts.get(dagId) ?? { running: 0, queued: 0 }
      counts.set(dagId, {
        running: running - (from === 'running' ? 1 : 0),
        queued: queued - (from === 'queued' ? 1 : 0),
      })
      const { by: actor = 'scheduler', detail } = open.rewrite ?? {}
      this.note({ event: 'dag_run.state', actor, dagId, runId, from, to: state, detail })
    }
    await changeDagRunCounts(this.tx, counts)
  }

  async #refitWindows(changed: readonly ChangedRun[]): Promise<void> {
    const windows = changed
      .filter(
        (run) =>
          run.is_windowed === 1 || this.run(run.run_key).row.is_windowed === 1 || this.run(run.run_key).mustRefit,
      )
      .filter((run) => run.waiting > 0)
      .map((run) => ({
        runKey: run.run_key,
        places: this.run(run.run_key).isHeld ? 0 : Math.min(run.waiting, run.max_active_tasks - run.active),
      }))
    if (windows.length > 0) await setWindows(this.tx, windows)
  }
}

/** What somebody wants of a run beside changes of its task instances. */
export interface Rewrite {
  readonly by: string
  /** How the run ends, whatever its task instances say; null to let them. */
  readonly endsAs: Exclude<DagRunState, 'queued' | 'running'> | null
  readonly detail?: unknown
}

/** A run that this transaction holds, and what it has done to it so far. */
export class OpenRun {
  readonly row: LockedRun
  unfinished = 0
  active = 0
  waiting = 0
  failedLeaves = 0
  /** Set when rows were scheduled outside the window, or the window's size changed. */
  mustRefit = false
  /** Set when this transaction started the run. */
  isStarted = false
  /** Set when somebody changed the run by hand. */
  rewrite: Rewrite | null = null
  /** Set when this transaction queued the run again after its end. */
  isReopened = false

  constructor(row: LockedRun) {
    this.row = row
  }

  get isPaused(): boolean {
    return this.row.is_paused === 1
  }

  /** Its state by what this transaction has done so far. */
  get state(): DagRunState {
    if (this.isStarted) return 'running'
    return this.isReopened ? 'queued' : this.row.state
  }

  get isRunning(): boolean {
    return this.state === 'running'
  }

  /** The state in which it ends with these counts, or null when it does not, or has ended so before. */
  endsAs(counts: { unfinished: number; failedLeaves: number }): DagRunState | null {
    const outcome = dagRunOutcome(counts)
    if (outcome === 'running') return null
    const wanted = this.rewrite?.endsAs ?? null
    if (this.state === 'running') return wanted ?? outcome
    if (this.rewrite === null) return null
    const state = this.state === 'queued' ? wanted : (wanted ?? outcome)
    return state === this.state ? null : state
  }

  /** True while nothing of it may be queued, so that none of its rows takes a place among the candidates. */
  get isHeld(): boolean {
    return this.isPaused || this.state === 'queued'
  }

  /** How many more task instances become admissible without a window; 0 when there is one. */
  get roomWithoutWindow(): number {
    if (this.isHeld || this.row.is_windowed === 1 || this.mustRefit) return 0
    return this.row.max_active_tasks - (this.row.active + this.active) - (this.row.waiting + this.waiting)
  }

  get isChanged(): boolean {
    return (
      this.mustRefit ||
      this.isStarted ||
      this.rewrite !== null ||
      [this.unfinished, this.active, this.waiting, this.failedLeaves].some((n) => n !== 0)
    )
  }

  change(): RunChange & { isHeld: boolean } {
    const { unfinished, active, waiting, failedLeaves, isHeld } = this
    return { runKey: this.row.run_key, unfinished, active, waiting, failedLeaves, isHeld }
  }
}
