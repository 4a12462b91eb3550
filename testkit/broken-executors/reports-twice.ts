import type { BufferedEvent } from '@fairlead/executor'
import { DelegatingExecutor } from './delegating-executor.ts'

/** Says every event twice, each at a place of its own. */
export class ReportsTwice extends DelegatingExecutor {
  override getEventBuffer(): readonly BufferedEvent[] {
    return super.getEventBuffer().flatMap(({ place, event }) => [
      { place: 2 * place, event },
      { place: 2 * place + 1, event },
    ])
  }

  override acknowledgeEvents(place: number): void {
    super.acknowledgeEvents(Math.floor((place - 1) / 2))
  }
}
