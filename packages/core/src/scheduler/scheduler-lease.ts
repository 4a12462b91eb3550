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

  /** False when it was lost. */
  renew(): Promise<boolean> {
    const { database, environment } = this.#context
    return database.transaction((tx) => renewLease(tx, this.id, environment.clock.now(), this.#holder.leaseMs))
  }

  release(): Promise<void> {
    const { database, environment } = this.#context
    return database.transaction((tx) => releaseLease(tx, this.id, environment.clock.now()))
  }
}
