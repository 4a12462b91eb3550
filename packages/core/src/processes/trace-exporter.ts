import type { Database } from '../db/database.ts'
import { newestAuditSeq, readAuditAfter, type AuditRow } from '../db/queries/audit-log-reads.ts'
import { endTraceTurn, moveTracePlace, readRunAudit, takeTraceTurn } from '../db/queries/trace-export.ts'
import type { Clock } from '../model/environment.ts'
import { TraceBook, type Log, type Metrics, type TraceSink, type TraceSpan } from '../observability/index.ts'
import { settledLines } from './settled-lines.ts'

/** What traces are told from and to. */
export interface TraceExporterOptions {
  readonly database: Database
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly sink: TraceSink
  /** Names this process among those of the installation. */
  readonly holder: string
  /** True when there can be no other: then a turn that somebody has is a dead process's. */
  readonly isAlone: boolean
}

const LINES_PER_READ = 500
const LEASE_MS = 30_000
const FIRST_BACKOFF_MS = 1_000
const LONGEST_BACKOFF_MS = 30_000

/**
 * Tells the audit log as traces. One process at a time does, from a place that is kept in the database.
 *
 * Invariant: the place passes a line only after the receiver has taken the spans that ended with it. What a killed
 * process has sent is sent again, with the same ids.
 */
export class TraceExporter {
  readonly #options: TraceExporterOptions
  readonly #book = new TraceBook()
  #place: number | null = null
  #renewAt = 0
  #isUnheard = false

  constructor(options: TraceExporterOptions) {
    this.#options = options
  }

  /** Sends what has ended since the last call, until there is no more or the signal aborts. Never rejects. */
  async catchUp(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted && (await this.#readOn(signal)));
    } catch (error) {
      this.#letGo()
      this.#options.log.warn('traces could not be read or sent', { error })
    }
  }

  /** Lets another process go on. */
  async release(): Promise<void> {
    const { database, clock, holder, sink } = this.#options
    this.#letGo()
    await database.transaction((tx) => endTraceTurn(tx, { holder, now: clock.now() }))
    await sink.close()
  }

  /** One batch; true when there may be another. */
  async #readOn(signal: AbortSignal): Promise<boolean> {
    const place = await this.#turn()
    if (place === null) return false
    const { database, clock, isAlone } = this.#options
    const read = await readAuditAfter(database.read, place, LINES_PER_READ)
    const lines = isAlone ? read : settledLines(read, place, clock.now())
    const last = lines.at(-1)
    if (last === undefined) return false
    await this.#recall(lines, place)
    const isTaken = await this.#deliver(
      lines.flatMap((line) => this.#book.read(line)),
      signal,
    )
    if (!isTaken || !(await this.#moveTo(last.seq))) {
      this.#letGo()
      return false
    }
    return lines.length === LINES_PER_READ
  }

  /** The place, where this process has the turn. */
  async #turn(): Promise<number | null> {
    const { database, clock, holder, isAlone } = this.#options
    const now = clock.now()
    if (this.#place !== null && now < this.#renewAt) return this.#place
    const newest = await newestAuditSeq(database.read)
    const turn = { holder, now, leaseMs: LEASE_MS, isAlone }
    const place = await database.transaction((tx) => takeTraceTurn(tx, turn, newest))
    // Somebody else may have had it in between.
    if (place !== this.#place) this.#letGo()
    this.#place = place
    this.#renewAt = now + LEASE_MS / 3
    return place
  }

  /** Reads what was said before of runs whose beginning this process has not seen. */
  async #recall(lines: readonly AuditRow[], place: number): Promise<void> {
    const asked = new Set<string>()
    for (const line of lines) {
      const { dag_id: dagId, run_id: runId } = line
      if (dagId === null || runId === null || asked.has(`${dagId}\n${runId}`) || !this.#book.needsHistory(line))
        continue
      asked.add(`${dagId}\n${runId}`)
      for (const earlier of await readRunAudit(this.#options.database.read, { dagId, runId }, place)) {
        this.#book.read(earlier)
      }
    }
  }

  /** Sends spans until the receiver has taken them, or never will. False when it was told to end first. */
  async #deliver(spans: readonly TraceSpan[], signal: AbortSignal): Promise<boolean> {
    if (spans.length === 0) return true
    const { sink, clock, log, metrics } = this.#options
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)) {
      const answer = await sink.send(spans)
      if (answer.kind === 'taken') {
        metrics.increment('traces.exported_spans', {}, spans.length)
        if (this.#isUnheard) log.info('trace receiver takes spans again')
        this.#isUnheard = false
        return true
      }
      metrics.increment('traces.export_failures', {})
      if (answer.kind === 'refused') {
        log.error('trace receiver refused spans, which are dropped', { spans: spans.length, detail: answer.detail })
        return true
      }
      if (!this.#isUnheard) log.warn('trace receiver could not be reached', { detail: answer.detail })
      this.#isUnheard = true
      const place = this.#place
      if (!(await slept(clock, backoffMs, signal)) || (await this.#turn()) !== place) return false
    }
  }

  async #moveTo(seq: number): Promise<boolean> {
    const { database, clock, holder } = this.#options
    const turn = { holder, now: clock.now(), leaseMs: LEASE_MS }
    const isMoved = await database.transaction((tx) => moveTracePlace(tx, turn, seq))
    if (isMoved) this.#place = seq
    return isMoved
  }

  /** What was read may not have been taken: it begins anew from the place in the database. */
  #letGo(): void {
    this.#book.clear()
    this.#place = null
  }
}

async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal)
    return true
  } catch {
    return false // The server stops.
  }
}
