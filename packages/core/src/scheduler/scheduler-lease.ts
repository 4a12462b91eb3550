import type { Tx } from '../db/database.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { expireOtherLeases, releaseLease, renewLease, takeLease } from '../db/queries/schedulers.ts'

/** A scheduler's lease: its name, and the right to write under it. A lost lease is never had back. */
export class SchedulerLease {
  readonly id: string
  readonly #context: Omit<MoveContext, 'wake'>
  readonly #holder: { readonly hostname: string; readonly pid: number; readonly leaseMs: number }

  constructor(
    context: Omit<MoveContext, 'wake'>,
    holder: { readonly hostname: string; readonly pid: number; readonly leaseMs: number },
  ) {
    this.#context = context
    this.#holder = holder
    this.id = context.environment.random.uuid(context.environment.clock.now())
  }

  /** Begins the lease. The owner of an embedded database ends every other one: nobody else can be alive. */
  take(): Promise<void> {
    const { database, environment } = this.#context
    return database.transaction(async (tx) => {
      const now = environment.clock.now()
      await takeLease(tx, { id: this.id, ...this.#holder, now })
      if (database.isExclusive) await expireOtherLeases(tx, this.id, now)
    })
  }

  /** Prolongs the lease, and writes with it what others should know. False when it was lost; then nothing is written. */
  renew(write: (tx: Tx, now: number) => Promise<void>): Promise<boolean> {
    const { database, environment } = this.#context
    return database.transaction(async (tx) => {
      const now = environment.clock.now()
      const isHeld = await renewLease(tx, this.id, now, this.#holder.leaseMs)
      if (isHeld) await write(tx, now)
      return isHeld
    })
  }

  release(): Promise<void> {
    const { database, environment } = this.#context
    return database.transaction((tx) => releaseLease(tx, this.id, environment.clock.now()))
  }
}
