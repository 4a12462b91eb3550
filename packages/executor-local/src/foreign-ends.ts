import type { ExecutorClock } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'

/** Ends of work that another executor on the same host began, kept until that one should have seen to them. */
export class ForeignEnds {
  #waiting = new Set<DispatchId>()

  /** Notes an end. The first of a batch resolves with all of it after a while, and the others with nothing. */
  async add(dispatchId: DispatchId, clock: ExecutorClock): Promise<ReadonlySet<DispatchId>> {
    this.#waiting.add(dispatchId)
    if (this.#waiting.size > 1) return NONE
    await clock.sleep(SEEN_TO_WITHIN_MS)
    const batch = this.#waiting
    this.#waiting = new Set()
    return batch
  }
}

const NONE: ReadonlySet<DispatchId> = new Set()
/** Twice as long as it takes until the work of a scheduler that is gone is adopted. */
const SEEN_TO_WITHIN_MS = 90_000
