import type { ExecutorStore } from '@fairlead/executor'
import type { DispatchId } from '@fairlead/protocol'
import { z } from 'zod'
import { dropOldRows } from '../shared/drop-old-rows.ts'

const PREFIX = 'job/'

const rowSchema = z.object({ jobQueue: z.string(), submittedAt: z.number() })

/** That a job was about to be submitted, and where. Written before the call: whoever comes after a crash finds it. */
export type SubmittedRow = z.infer<typeof rowSchema>

/** What was submitted, in the executor's store, until its end is recorded. Holds no credential. */
export class SubmittedRows {
  readonly #store: ExecutorStore

  constructor(store: ExecutorStore) {
    this.#store = store
  }

  async read(dispatchId: DispatchId): Promise<SubmittedRow | null> {
    const row = rowSchema.safeParse(await this.#store.get(PREFIX + dispatchId))
    return row.success ? row.data : null
  }

  async write(dispatchId: DispatchId, row: SubmittedRow): Promise<void> {
    await this.#store.set(PREFIX + dispatchId, row)
  }

  /** Drops what outlived its workload. */
  async sweep(now: number): Promise<void> {
    await dropOldRows(this.#store, PREFIX, now)
  }

  async delete(dispatchId: DispatchId): Promise<void> {
    await this.#store.delete(PREFIX + dispatchId)
  }
}
