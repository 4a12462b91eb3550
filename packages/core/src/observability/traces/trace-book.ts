import { RunTrail } from './run-trail.ts'
import type { TraceLine, TraceSpan } from './trace-span.ts'

/** Follows the audit log, of which it keeps the runs that have not ended, and answers the spans that each line ends. */
export class TraceBook {
  readonly #trails = new Map<string, RunTrail>()

  /** True when the lines before this one are needed: it tells of a run whose beginning was not seen. */
  needsHistory(line: TraceLine): boolean {
    const key = keyOf(line)
    return key !== null && !begins(line) && !this.#trails.has(key)
  }

  /** Reads one line. Of a run whose beginning is unknown it answers nothing. */
  read(line: TraceLine): readonly TraceSpan[] {
    const key = keyOf(line)
    if (key === null) return []
    if (begins(line)) {
      const { dag_id: dagId, run_id: runId, at: queuedAt } = line
      this.#trails.set(key, new RunTrail({ dagId: dagId ?? '', runId: runId ?? '', queuedAt }))
      return []
    }
    const trail = this.#trails.get(key)
    if (trail === undefined) return []
    if (line.event === 'task_instance.state') return trail.move(line)
    if (line.to_state === 'running') return trail.start(line)
    this.#trails.delete(key)
    return trail.end(line)
  }

  /** Forgets what it follows, to begin at another place. */
  clear(): void {
    this.#trails.clear()
  }
}

/** The run of a line that tells of a move; null for any other. */
function keyOf({ event, dag_id: dagId, run_id: runId }: TraceLine): string | null {
  return EVENTS.has(event) && dagId !== null && runId !== null ? `${dagId}\n${runId}` : null
}

const EVENTS = new Set(['task_instance.state', 'dag_run.state', 'dag_run.created'])

/** A run's life begins when it is queued. */
function begins({ event, to_state: to }: TraceLine): boolean {
  return event !== 'task_instance.state' && to === 'queued'
}
