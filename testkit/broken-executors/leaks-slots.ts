import type { DispatchId } from '@fairlead/protocol'
import type { BufferedEvent } from '@fairlead/executor'
import { DelegatingExecutor } from './delegating-executor.ts'

/** Never gives back the slot of a task that failed. */
export class LeaksSlots extends DelegatingExecutor {
  readonly #leaked = new Set<DispatchId>()

  override getEventBuffer(): readonly BufferedEvent[] {
    const events = super.getEventBuffer()
    for (const { event } of events) {
      const isFailure = event.kind === 'ended' && !(event.exit.kind === 'exited' && event.exit.exitCode === 0)
      if (isFailure) this.#leaked.add(event.dispatchId)
    }
    return events
  }

  override get slotsOccupied(): number {
    return super.slotsOccupied + this.#leaked.size
  }

  override get slotsAvailable(): number {
    return Math.max(0, this.parallelism - this.slotsOccupied)
  }
}
