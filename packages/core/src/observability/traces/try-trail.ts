import { factsIn, type LineFacts } from './line-facts.ts'
import { lineSpanId, rootSpanId, runningSpanId, type RunLife } from './trace-ids.ts'
import type { TraceLine, TraceSpan } from './trace-span.ts'

/** What a try is followed from. */
export interface TryBegin {
  readonly traceId: string
  readonly life: RunLife
  /** The line with which it began: it was scheduled, or the try before it ended. */
  readonly line: TraceLine
}

/** One try of a task instance, with a span for each state that it is in until it ends. */
export class TryTrail {
  readonly #begin: TryBegin
  readonly #spanId: string
  #phase: Phase | null
  #facts: Attributes
  #isOver = false

  constructor(begin: TryBegin) {
    const { traceId, line } = begin
    this.#begin = begin
    // A line can end one try and begin the next.
    this.#spanId = lineSpanId(traceId, 'try', line.seq)
    this.#phase = line.to_state === 'up_for_retry' ? phaseOf(line) : null
    this.#facts = attributesOf(line)
  }

  /** True when nothing more can come of it. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** It moved: the spans that ended. */
  move(line: TraceLine): readonly TraceSpan[] {
    const facts = factsIn(line.detail)
    const to = line.to_state ?? ''
    this.#facts = { ...this.#facts, ...attributesOf(line), ...placeOf(facts) }
    const hasFailed = to === 'failed' || to === 'up_for_retry'
    const error = facts.cause ?? (hasFailed ? to : null)
    const phase = this.#endPhase(line.at, error)
    if (!ENDS.has(to)) {
      this.#phase = phaseOf(line)
      return phase
    }
    return [...phase, this.#end(line.at, hasFailed ? error : null, { ...STATE(to), ...causeOf(facts) })]
  }

  /** The run is over, and this with it. */
  close(at: number): readonly TraceSpan[] {
    return [...this.#endPhase(at, null), this.#end(at, null, {})]
  }

  #end(endedAt: number, error: string | null, outcome: Attributes): TraceSpan {
    this.#isOver = true
    const { traceId, line } = this.#begin
    return {
      traceId,
      spanId: this.#spanId,
      parentSpanId: rootSpanId(traceId),
      name: line.task_id ?? '',
      startedAt: line.at,
      endedAt,
      attributes: { ...this.#attributes(), ...outcome },
      error,
    }
  }

  #endPhase(endedAt: number, error: string | null): readonly TraceSpan[] {
    if (this.#phase === null) return []
    const { name, at, seq, dispatchId } = this.#phase
    const { traceId } = this.#begin
    const isRun = name === 'running' && dispatchId !== null
    this.#phase = null
    return [
      {
        traceId,
        spanId: isRun ? runningSpanId(traceId, dispatchId) : lineSpanId(traceId, name, seq),
        parentSpanId: this.#spanId,
        name,
        startedAt: at,
        endedAt,
        attributes: this.#attributes(),
        error,
      },
    ]
  }

  #attributes(): Attributes {
    const { dagId, runId } = this.#begin.life
    return { 'airflow.dag_run.dag_id': dagId, 'airflow.dag_run.run_id': runId, ...this.#facts }
  }
}

type Attributes = Readonly<Record<string, string | number>>

interface Phase {
  readonly name: string
  readonly at: number
  readonly seq: number
  readonly dispatchId: string | null
}

/** States that a try does not leave. */
const ENDS = new Set([
  'success',
  'failed',
  'skipped',
  'upstream_failed',
  'removed',
  'up_for_retry',
  'restarting',
  'none',
])

const STATE = (state: string): Attributes => ({ 'airflow.task_instance.state': state })

function phaseOf({ to_state: to, at, seq, dispatch_id: dispatchId }: TraceLine): Phase {
  return { name: to ?? '', at, seq, dispatchId }
}

function attributesOf(line: TraceLine): Attributes {
  return {
    'airflow.task_instance.task_id': line.task_id ?? '',
    'airflow.task_instance.map_index': line.map_index ?? -1,
    ...(line.try_number === null ? {} : { 'airflow.task_instance.try_number': line.try_number }),
    ...(line.dispatch_id === null ? {} : { 'fairlead.dispatch_id': line.dispatch_id }),
  }
}

function placeOf({ executor, queue, pool }: LineFacts): Attributes {
  return {
    ...(executor === null ? {} : { 'airflow.task_instance.executor': executor }),
    ...(queue === null ? {} : { 'airflow.task_instance.queue': queue }),
    ...(pool === null ? {} : { 'airflow.task_instance.pool': pool }),
  }
}

function causeOf({ cause }: LineFacts): Attributes {
  return cause === null ? {} : { 'fairlead.cause': cause }
}
