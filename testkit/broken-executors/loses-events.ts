import type { BufferedEvent } from '@fairlead/executor'
import { DelegatingExecutor } from './delegating-executor.ts'

/** Hands its events out once: a database that is down when they are read loses them. */
export class LosesEvents extends DelegatingExecutor {
  override getEventBuffer(): readonly BufferedEvent[] {
    const events = super.getEventBuffer()
    const last = events.at(-1)
    if (last !== undefined) super.acknowledgeEvents(last.place)
    return events
  }
}
