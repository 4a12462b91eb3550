/** Time, randomness and faults as arguments: what the scheduler, dispatch and moves may touch of the world. */

/** Time. Production reads the system's; the simulation turns its own hands. */
export interface Clock {
  /** Milliseconds since the epoch. May be stepped, in either direction. */
  now(): number
  /** Milliseconds of a clock that is never stepped; only differences mean something. */
  monotonic(): number
  /** Lets whatever else is due in this process have its turn. */
  yield(): Promise<void>
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Randomness: jitter and ids. */
export interface Random {
  /** A number in [0, 1). */
  unit(): number
  /** A UUIDv7 for the given moment; later calls sort after earlier ones. */
  uuid(nowMs: number): string
}

/** Every place where a test may crash the process or the simulated scheduler. */
export const FAULT_POINTS = [
  'moves.beforeCommit',
  'moves.afterCommit',
  'scheduler.beforeTick',
  'scheduler.afterClaim',
  'dispatch.beforeHandOver',
  'dispatch.afterHandOver',
  'dispatch.beforeAcknowledge',
  'dispatch.afterAcknowledge',
  'adoption.beforeAdopt',
  'adoption.afterAdopt',
  'sweep.beforeSettle',
  'sweep.afterSettle',
  'drain.beforeMove',
  'drain.afterMove',
  'stop.beforeRevoke',
  'stop.beforeSettle',
  'stop.afterSettle',
] as const

/** One of {@link FAULT_POINTS}. */
export type FaultPoint = (typeof FAULT_POINTS)[number]

/** Named fault points; does nothing in production. */
export interface Faults {
  /** Throws, or never returns, where a test asked for it. */
  at(point: FaultPoint): void
}

/** The three together, as passed down. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly faults: Faults
}

/** Faults in production: none. */
export const NO_FAULTS: Faults = { at: () => undefined }
