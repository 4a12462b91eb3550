import type { DispatchId } from '@fairlead/protocol'

/** The faults that {@link withFaults} knows, each with what it does. */
export const FAULT_KINDS = {
  drop: 'an event is never seen',
  delay: "an event is seen later, by the host's clock",
  duplicate: 'an event is seen twice, or a workload is queued twice',
  reorder: 'an event is seen behind the next one',
  crash: 'a call throws, before it did anything or after it did it all',
  lie: 'an end says what did not happen: a success is called lost, anything else a success',
} as const
/** One of {@link FAULT_KINDS}. */
export type FaultKind = keyof typeof FAULT_KINDS

/** Which faults, how often, and by which seed. A rate is a share between 0 and 1; what is left out never happens. */
export interface FaultOptions extends Partial<Readonly<Record<FaultKind, number>>> {
  readonly seed: number
  /** How long a delayed event is held back, in milliseconds; default 1,000. */
  readonly delayMs?: number
  /** Called with each fault, so that a test can say what happened. */
  readonly onFault?: (fault: Fault) => void
}

/** One fault that happened. */
export interface Fault {
  readonly kind: FaultKind
  /** The member that crashed, or `event`. */
  readonly at: string
  readonly dispatchId: DispatchId | null
}

/** Refuses rates that are none. */
export function checkFaultOptions(options: FaultOptions): void {
  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
    const rate = options[kind] ?? 0
    if (!(rate >= 0 && rate <= 1))
      throw new RangeError(`The rate of fault "${kind}" is ${rate}. Set it between 0 and 1.`)
  }
}
