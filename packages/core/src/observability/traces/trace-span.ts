/** A span that has ended, in our words. Times are milliseconds since the epoch. */
export interface TraceSpan {
  readonly traceId: string
  readonly spanId: string
  /** Null for the root. */
  readonly parentSpanId: string | null
  readonly name: string
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: Readonly<Record<string, string | number>>
  /** Why it is an error; null when it is none. */
  readonly error: string | null
}

/** A line of the audit log, as far as traces read it. */
export interface TraceLine {
  readonly seq: number
  readonly at: number
  readonly event: string
  readonly dag_id: string | null
  readonly run_id: string | null
  readonly task_id: string | null
  readonly map_index: number | null
  readonly try_number: number | null
  readonly dispatch_id: string | null
  readonly from_state: string | null
  readonly to_state: string | null
  /** JSON. */
  readonly detail: string | null
}
