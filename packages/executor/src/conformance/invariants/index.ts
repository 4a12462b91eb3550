import type { FutureInvariant, Invariant } from '../invariant.ts'
import { runningInvariants } from './running.ts'
import { slotInvariants } from './slots.ts'

/** Every invariant of the contract. */
export const INVARIANTS: readonly Invariant[] = [...runningInvariants, ...slotInvariants]

/** Invariants about what Fairlead does not have yet: listed, so that nobody takes them for certified. */
export const FUTURE_INVARIANTS: readonly FutureInvariant[] = []
