import { factsIn } from './line-facts.ts'
import { lineSpanId, rootSpanId, traceIdOf, type RunLife } from './trace-ids.ts'
import type { TraceLine, TraceSpan } from './trace-span.ts'
import { TryTrail } from './try-trail.ts'

/**
 * One life of a Dag run, followed line by line: what has ended is a span.
 *
 * Invariant: every span's parent is a span of the same trail, which ends with the root at the latest.
 */
export class RunTrail {
  readonly #life: RunLife
  readonly #traceId: string
  readonly #tries = new Map<string, TryTrail>()
  #isWaiting = true

  constructor(life: RunLife) {
    this.#life = life
    this.#traceId = traceIdOf(life)
  }

  /** The run left its queue: the span of its waiting. */
  start({ at }: TraceLine): readonly TraceSpan[] {
    if (!this.#isWaiting) return []
    this.#isWaiting = false
    return [this.#spanOfRun('queued', at)]
  }

  /** A task instance moved: the spans that ended by it. */
  move(line: TraceLine): readonly TraceSpan[] {
    const key = `${line.task_id}\n${line.map_index}`
    const known = this.#tries.get(key)
    if (known === undefined && !canBegin(line)) return []
    const open = known ?? this.#open(line)
    const ended = open.move(line)
    if (!open.isOver) this.#tries.set(key, open)
    else if (line.to_state === 'up_for_retry') this.#tries.set(key, this.#open(line))
    else this.#tries.delete(key)
    return ended
  }

  /** The run ended: its root, after whatever was still open. */
  end(line: TraceLine): readonly TraceSpan[] {
    const waiting = this.start(line)
    const open = [...this.#tries.values()].flatMap((one) => one.close(line.at))
    return [...waiting, ...open, this.#root(line)]
  }

  #open(line: TraceLine): TryTrail {
    return new TryTrail({ traceId: this.#traceId, life: this.#life, line })
  }

  #root({ at, to_state: state, detail }: TraceLine): TraceSpan {
    const root = this.#spanOfRun(this.#life.dagId, at)
    return {
      ...root,
      spanId: rootSpanId(this.#traceId),
      parentSpanId: null,
      attributes: { ...root.attributes, 'airflow.dag_run.state': state ?? '' },
      error: state === 'failed' ? (factsIn(detail).cause ?? state) : null,
    }
  }

  #spanOfRun(name: string, endedAt: number): TraceSpan {
    return {
      traceId: this.#traceId,
      spanId: lineSpanId(this.#traceId, 'run', 0),
      parentSpanId: rootSpanId(this.#traceId),
      name,
      startedAt: this.#life.queuedAt,
      endedAt,
      attributes: { 'airflow.dag_run.dag_id': this.#life.dagId, 'airflow.dag_run.run_id': this.#life.runId },
      error: null,
    }
  }
}

/** What is cleared or marked after its end has no try that could go on. */
function canBegin({ from_state: from, to_state: to }: TraceLine): boolean {
  return to !== 'none' && !SETTLED.has(from ?? '')
}

const SETTLED = new Set(['success', 'failed', 'skipped', 'upstream_failed', 'removed', 'restarting'])
