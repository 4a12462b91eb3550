import type { Claim } from './claims.ts'
import type { ConformanceHooks } from './subject.ts'
import type { Trial } from './trial.ts'

/** `live-safe` starts no work and changes nothing outside; `full` runs probe tasks, breaks things, and stops them. */
export const LEVELS = ['live-safe', 'full'] as const
/** One of {@link LEVELS}. */
export type Level = (typeof LEVELS)[number]

/** One thing that holds for every executor. */
export interface Invariant {
  /** Stable: never given to another invariant. */
  readonly id: `FX-${number}`
  readonly sentence: string
  readonly level: Level
  /** Where it comes from: `contract`, or a row of the studies of Airflow. */
  readonly sources: readonly string[]
  readonly claims?: readonly Claim[]
  readonly hooks?: ReadonlyArray<keyof ConformanceHooks>
  /** True when it looks at the whole process, or breaks what all share: nothing else is tried beside it. */
  readonly isAlone?: boolean
  /** Throws a `Violation` when it does not hold. */
  check(trial: Trial): Promise<void>
}

/** Something that will hold for every executor once Fairlead has it. */
export interface FutureInvariant extends Pick<Invariant, 'id' | 'sentence' | 'level' | 'sources'> {
  readonly waitsFor: string
}
