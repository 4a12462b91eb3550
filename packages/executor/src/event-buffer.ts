import type { DispatchId } from '@fairlead/protocol'
import type { BufferedEvent, ExecutorEvent } from './executor.ts'

/** How many ended dispatch ids make a generation. Two generations are remembered, to recognise a second end. */
const GENERATION = 10_000

/**
 * Events on their way to dispatch.
 *
 * Invariant 1: an event stays until it is acknowledged, however often it is read.
 * Invariant 2: a dispatch id ends once, and nothing is said about it afterwards.
 */
export class EventBuffer {
  #events: BufferedEvent[] = []
  #isShared = false
  #lastPlace = 0
  #ended = new Set<DispatchId>()
  #endedBefore = new Set<DispatchId>()
  /** How many events were dropped because their dispatch id had ended. */
  droppedCount = 0

  /** Adds an event, or answers false when its dispatch id has ended. */
  append(event: ExecutorEvent): boolean {
    if (this.hasEnded(event.dispatchId)) {
      this.droppedCount += 1
      return false
    }
    if (event.kind === 'ended') this.close(event.dispatchId)
    // What was handed out never changes under its reader.
    if (this.#isShared) this.#events = this.#events.slice()
    this.#isShared = false
    this.#lastPlace += 1
    this.#events.push({ place: this.#lastPlace, event })
    return true
  }

  /** Takes no more events of this dispatch id. */
  close(dispatchId: DispatchId): void {
    this.#ended.add(dispatchId)
    if (this.#ended.size < GENERATION) return
    this.#endedBefore = this.#ended
    this.#ended = new Set()
  }

  /** True when this dispatch id ended, as far as is remembered. */
  hasEnded(dispatchId: DispatchId): boolean {
    return this.#ended.has(dispatchId) || this.#endedBefore.has(dispatchId)
  }

  /** Events not acknowledged yet, oldest first. */
  peek(): readonly BufferedEvent[] {
    this.#isShared = true
    return this.#events
  }

  /** Forgets events up to and including `place`, and answers them. */
  acknowledge(place: number): readonly ExecutorEvent[] {
    const firstKept = this.#events.findIndex((buffered) => buffered.place > place)
    const kept = firstKept === -1 ? this.#events.length : firstKept
    const forgotten = this.#events.slice(0, kept)
    this.#events = this.#events.slice(kept)
    this.#isShared = false
    return forgotten.map(({ event }) => event)
  }
}
