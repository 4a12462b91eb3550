import type { DispatchId, WorkloadExit } from '@fairlead/protocol'
import type { BufferedEvent, ExecutorEvent } from '../executor.ts'
import type { FaultDice } from './fault-dice.ts'
import type { Fault, FaultOptions } from './fault-options.ts'

/** What the faulty buffer needs of the executor behind it. */
export interface EventSource {
  getEventBuffer(): readonly BufferedEvent[]
  acknowledgeEvents(place: number): void
}

/** An event on its way to the host: not before `dueAt`, and from the place that it had in the source. */
interface Underway {
  readonly event: ExecutorEvent
  readonly sourcePlace: number
  readonly dueAt: number
}

const DEFAULT_DELAY_MS = 1_000

/**
 * Events between an executor and its host, with faults.
 *
 * Invariant: the source is told of an acknowledgement only when nothing of it, or before it, is still to be seen.
 */
export class FaultyEvents {
  readonly #source: EventSource
  readonly #dice: FaultDice
  readonly #options: FaultOptions
  #underway: Underway[] = []
  #shown: Array<BufferedEvent & { readonly sourcePlace: number }> = []
  #lastSourcePlace = 0
  #lastPlace = 0

  constructor(source: EventSource, dice: FaultDice, options: FaultOptions) {
    this.#source = source
    this.#dice = dice
    this.#options = options
  }

  /** Takes in what is new at the source. Answers the moments at which delayed events become due. */
  pull(now: number): readonly number[] {
    const fresh = this.#source.getEventBuffer().filter(({ place }) => place > this.#lastSourcePlace)
    const taken: Underway[] = []
    for (const { place, event } of fresh) {
      this.#lastSourcePlace = place
      this.#take(taken, { event, sourcePlace: place, dueAt: now })
    }
    this.#underway.push(...taken)
    return taken.flatMap(({ dueAt }) => (dueAt > now ? [dueAt] : []))
  }

  /** What the host sees now. */
  peek(now: number): readonly BufferedEvent[] {
    const due = this.#underway.filter(({ dueAt }) => dueAt <= now)
    this.#underway = this.#underway.filter(({ dueAt }) => dueAt > now)
    this.#shown = [
      ...this.#shown,
      ...due.map(({ event, sourcePlace }) => {
        this.#lastPlace += 1
        return { place: this.#lastPlace, event, sourcePlace }
      }),
    ]
    return this.#shown.map(({ place, event }) => ({ place, event }))
  }

  acknowledge(place: number): void {
    this.#shown = this.#shown.filter((event) => event.place > place)
    const open = [...this.#shown, ...this.#underway].map(({ sourcePlace }) => sourcePlace)
    this.#source.acknowledgeEvents(Math.min(this.#lastSourcePlace, ...open.map((sourcePlace) => sourcePlace - 1)))
  }

  /** True while the end of a dispatch is held back: its executor has let go of it, and the host has not heard. */
  isHoldingEndOf(dispatchId: DispatchId): boolean {
    return this.#underway.some(({ event }) => event.kind === 'ended' && event.dispatchId === dispatchId)
  }

  #take(taken: Underway[], underway: Underway): void {
    const { event } = underway
    if (this.#falls('drop', event)) return
    const isLate = this.#falls('delay', event)
    const told: Underway = {
      ...underway,
      event: event.kind === 'ended' && this.#falls('lie', event) ? { ...event, exit: lieAbout(event.exit) } : event,
      dueAt: underway.dueAt + (isLate ? (this.#options.delayMs ?? DEFAULT_DELAY_MS) : 0),
    }
    const before = taken.at(-1)
    if (before !== undefined && this.#falls('reorder', event)) taken.splice(-1, 1, told, before)
    else taken.push(told)
    if (this.#falls('duplicate', event)) taken.push(told)
  }

  #falls(kind: 'drop' | 'delay' | 'duplicate' | 'reorder' | 'lie', { dispatchId }: ExecutorEvent): boolean {
    if (!this.#dice.falls(`event ${kind}`, this.#options[kind] ?? 0)) return false
    const fault: Fault = { kind, at: 'event', dispatchId }
    this.#options.onFault?.(fault)
    return true
  }
}

function lieAbout(exit: WorkloadExit): WorkloadExit {
  const isSuccess = exit.kind === 'exited' && exit.exitCode === 0
  return isSuccess ? { kind: 'lost', detail: 'a lie, told on purpose' } : { kind: 'exited', exitCode: 0 }
}
