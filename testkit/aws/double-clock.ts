/** Time inside the double: the machine's, plus what a test advanced it by. Only expiry and waits of the service use it. */
export class DoubleClock {
  #aheadMs = 0
  readonly #alarms = new Set<Alarm>()

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  /** Moves time on, and does at once what is due by then, in order. */
  advance(ms: number): void {
    this.#aheadMs += ms
    for (const alarm of [...this.#alarms].sort((a, b) => a.dueAt - b.dueAt)) this.#set(alarm)
  }

  /** Calls `action` once `ms` have passed. Answers what takes it back. */
  after(ms: number, action: () => void): () => void {
    const alarm: Alarm = { dueAt: this.now() + ms, action, timer: null }
    this.#alarms.add(alarm)
    this.#set(alarm)
    return () => this.#drop(alarm)
  }

  /** Forgets whatever was to be done. */
  close(): void {
    for (const alarm of this.#alarms) this.#drop(alarm)
  }

  #set(alarm: Alarm): void {
    if (!this.#alarms.has(alarm)) return
    if (alarm.timer !== null) clearTimeout(alarm.timer)
    // A timer holds at most 2^31 - 1 ms; what is further away is set again when it rings.
    const waitMs = Math.min(alarm.dueAt - this.now(), 2_000_000_000)
    alarm.timer = setTimeout(() => this.#ring(alarm), Math.max(0, waitMs))
  }

  #ring(alarm: Alarm): void {
    if (this.now() < alarm.dueAt) return this.#set(alarm)
    this.#drop(alarm)
    alarm.action()
  }

  #drop(alarm: Alarm): void {
    this.#alarms.delete(alarm)
    if (alarm.timer !== null) clearTimeout(alarm.timer)
  }
}

interface Alarm {
  readonly dueAt: number
  readonly action: () => void
  timer: NodeJS.Timeout | null
}
