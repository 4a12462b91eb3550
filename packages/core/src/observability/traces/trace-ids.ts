import { createHash } from 'node:crypto'

/**
 * Ids of traces and spans, computed from what the database knows: whoever exports a span, however often, and whoever
 * tells a worker of it beforehand, arrives at the same one.
 */

/** One life of a Dag run: from when it was queued, first or again, to its end. Each is a trace of its own. */
export interface RunLife {
  readonly dagId: string
  readonly runId: string
  readonly queuedAt: number
}

/** Id of the trace of a run's life. */
export const traceIdOf = ({ dagId, runId, queuedAt }: RunLife): string =>
  hexOf(['trace', dagId, runId, queuedAt], TRACE_ID_LENGTH)

/** Id of the span of the run itself, the root of its trace. */
export const rootSpanId = (traceId: string): string => hexOf(['run', traceId], SPAN_ID_LENGTH)

/** Id of the span in which one dispatch runs: the parent of what user code measures. */
export const runningSpanId = (traceId: string, dispatchId: string): string =>
  hexOf(['running', traceId, dispatchId], SPAN_ID_LENGTH)

/** Id of a span that began with a line of the audit log. */
export const lineSpanId = (traceId: string, name: string, seq: number): string =>
  hexOf([name, traceId, seq], SPAN_ID_LENGTH)

/** The W3C header by which the worker of a dispatch takes part in the trace of its run. */
export function traceparentOf(life: RunLife, dispatchId: string): string {
  const traceId = traceIdOf(life)
  return `00-${traceId}-${runningSpanId(traceId, dispatchId)}-01`
}

const TRACE_ID_LENGTH = 32
const SPAN_ID_LENGTH = 16

function hexOf(parts: readonly unknown[], length: number): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, length)
}
