/** Times of the scheduler, in milliseconds. */
export interface SchedulerTimes {
  /** How long a lease lasts without being renewed; it is renewed three times as often. */
  readonly leaseMs: number
  /** How often sweeps look for what nobody reported. */
  readonly sweepMs: number
  /** Without a sign of life for this long, a running attempt is lost. */
  readonly heartbeatTimeoutMs: number
  /** Queued for this long without starting, an attempt is handed over again. */
  readonly queuedTimeoutMs: number
  /** Waiting this long earns one unit of priority; 0 for never. */
  readonly ageingMs: number
  /** The longest sleep without being woken: a safety net, never the way work is noticed. */
  readonly idleMs: number
}
