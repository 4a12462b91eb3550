import type { FaultPoint } from '../../packages/core/src/model/environment.ts'
import type { Plan } from './plan.ts'
import type { RandomStream } from './random-stream.ts'

/** Decides what goes wrong, and stops when it is told to. */
export class Chaos {
  isOn = true
  readonly #plan: Plan
  readonly #stream: RandomStream
  #crashes = 0

  constructor(plan: Plan, stream: RandomStream) {
    this.#plan = plan
    this.#stream = stream
  }

  /** True when the process that passes this point dies here. */
  crashesAt(point: FaultPoint): boolean {
    const { chance, focus, focusChance, most } = this.#plan.crash
    if (!this.isOn || this.#crashes >= most) return false
    if (!this.#stream.chance(point === focus ? focusChance : chance)) return false
    this.#crashes += 1
    return true
  }

  /** How long the process that passes this point stands still before its next transaction. */
  standstillMs(point: FaultPoint): number {
    const { standstill } = this.#plan
    if (!this.isOn || point !== standstill.point || !this.#stream.chance(standstill.chance)) return 0
    return this.#stream.pick([20, 1_000, 4_000, 10_000])
  }

  /** True when a transaction fails as a whole: a full disk, a database that is away. */
  failsTransaction(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.database.failure)
  }

  /** How long a process stands still before a transaction: others get in between, or its lease runs out. */
  pauseMs(): number {
    if (!this.isOn) return 0
    if (this.#stream.chance(this.#plan.database.stall)) return this.#stream.int(5_000, 90_000)
    return this.#stream.chance(this.#plan.database.pause) ? this.#stream.int(1, 200) : 0
  }

  /** After how long each copy of a message arrives; none when it is lost. */
  deliveries(): readonly number[] {
    const { drop, duplicate } = this.#plan.network
    if (!this.isOn) return [1]
    const copies: number[] = this.#stream.chance(drop) ? [] : [this.#delayMs()]
    if (this.#stream.chance(duplicate)) copies.push((copies[0] ?? 1) + this.#stream.pick([0, 1, 1_000, 20_000, 60_000]))
    return copies
  }

  /** The same for what is sent to a machine at this moment. */
  submissions(now: number): readonly number[] {
    const { partition } = this.#plan
    const delays = this.deliveries()
    if (!this.isOn || partition === null || now < partition.from || now >= partition.until) return delays
    return delays.map((delayMs) => Math.max(delayMs, partition.until - now + this.#stream.int(0, 500)))
  }

  /** True when a call into a machine fails without having done anything. */
  failsCall(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.failure)
  }

  /** True when a process takes as long to begin as a queue may last: an image to pull, a machine to boot. */
  beginsLate(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.late)
  }

  /** True when a machine begins two processes for one hand-over. */
  beginsTwice(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.twin)
  }

  /** True when a process that died is reported as one that ended well. */
  flatters(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.flattery)
  }

  /** True when an executor reports the end of what is not its own. */
  slanders(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.slander)
  }

  /** True when a machine cannot be asked to stop something. */
  failsRevoke(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.revokeFailure)
  }

  /** True when the answer of a call into a machine is lost: it has done its work, and nobody knows. */
  losesAnswer(): boolean {
    return this.isOn && this.#stream.chance(this.#plan.machine.lostAnswer)
  }

  #delayMs(): number {
    return this.#stream.chance(this.#plan.network.slow) ? this.#stream.int(50, 20_000) : this.#stream.int(1, 30)
  }
}
