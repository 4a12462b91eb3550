import type { ExecutorStore } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'
import { z } from 'zod'
import { dropOldRows } from './drop-old-rows.ts'
import { NO_HISTORY, type LaunchHistory } from './launch-policy.ts'

const PREFIX = 'launch/'

const rowSchema = z.object({
  request: z.int().positive(),
  noRoomCount: z.int().nonnegative(),
  noRoomSince: z.number().nullable(),
  place: z.string().nullable(),
})

/**
 * Histories of launches, in the executor's store: a restart neither forgets that there was no room, nor uses a token
 * again. A workload that is launched at its first try has no row, and costs no write.
 */
export class LaunchRows {
  readonly #store: ExecutorStore
  /** What this instance has read or written; anything else is looked up. */
  readonly #known = new Map<DispatchId, LaunchHistory>()

  constructor(store: ExecutorStore) {
    this.#store = store
  }

  async read(dispatchId: DispatchId): Promise<LaunchHistory> {
    const known = this.#known.get(dispatchId)
    if (known !== undefined) return known
    const row = rowSchema.safeParse(await this.#store.get(PREFIX + dispatchId))
    const history = row.success ? row.data : NO_HISTORY
    this.#known.set(dispatchId, history)
    return history
  }

  async write(dispatchId: DispatchId, history: LaunchHistory): Promise<void> {
    await this.#store.set(PREFIX + dispatchId, history)
    this.#known.set(dispatchId, history)
  }

  /** Drops rows of which nobody has asked for a month: they outlived their workloads. */
  async sweep(now: number): Promise<void> {
    await dropOldRows(this.#store, PREFIX, now)
  }

  /** The workload has ended: nothing of it is launched again. */
  async delete(dispatchId: DispatchId): Promise<void> {
    const known = this.#known.get(dispatchId)
    this.#known.delete(dispatchId)
    if (known === undefined || known !== NO_HISTORY) await this.#store.delete(PREFIX + dispatchId)
  }
}
