import type { Invariant } from '../invariant.ts'
import { adoptingInvariants } from './adopting.ts'
import { classInvariants } from './class.ts'
import { eventInvariants } from './events.ts'
import { handingOverInvariants } from './handing-over.ts'
import { lifeInvariants } from './life.ts'
import { outsideInvariants } from './outside.ts'
import { revokingInvariants } from './revoking.ts'
import { runningInvariants } from './running.ts'
import { secrecyInvariants } from './secrecy.ts'
import { slotInvariants } from './slots.ts'

export { FUTURE_INVARIANTS } from './future.ts'

/** Every invariant of the contract. */
export const INVARIANTS: readonly Invariant[] = [
  ...classInvariants,
  ...lifeInvariants,
  ...runningInvariants,
  ...handingOverInvariants,
  ...eventInvariants,
  ...slotInvariants,
  ...revokingInvariants,
  ...adoptingInvariants,
  ...secrecyInvariants,
  ...outsideInvariants,
]
