import type { DoubleClock } from '../double-clock.ts'

/** One line of a log. */
export interface LogEvent {
  readonly timestamp: number
  readonly ingestionTime: number
  readonly message: string
}

/** Log groups with their streams, as CloudWatch Logs keeps them. A group and a stream appear with their first line. */
export class LogStore {
  readonly #clock: DoubleClock
  readonly #groups = new Map<string, Map<string, LogEvent[]>>()

  constructor(clock: DoubleClock) {
    this.#clock = clock
  }

  append(group: string, stream: string, message: string): void {
    const now = this.#clock.now()
    this.open(group, stream).push({ timestamp: now, ingestionTime: now, message })
  }

  /** The lines of a stream, which is made if need be. */
  open(group: string, stream: string): LogEvent[] {
    const streams = this.#groups.get(group) ?? new Map<string, LogEvent[]>()
    this.#groups.set(group, streams)
    const events = streams.get(stream) ?? []
    streams.set(stream, events)
    return events
  }

  createGroup(group: string): void {
    if (!this.#groups.has(group)) this.#groups.set(group, new Map())
  }

  /** The streams of a group by name, or null where there is no such group. */
  streamsOf(group: string): ReadonlyMap<string, readonly LogEvent[]> | null {
    return this.#groups.get(group) ?? null
  }

  /** The text of a stream, empty where there is none. */
  textOf(group: string, stream: string): string {
    const events = this.#groups.get(group)?.get(stream) ?? []
    return events.map(({ message }) => `${message}\n`).join('')
  }

  /** The text of everything that was ever logged. */
  everything(): string {
    return [...this.#groups]
      .flatMap(([group, streams]) => [...streams.keys()].map((stream) => this.textOf(group, stream)))
      .join('')
  }
}
