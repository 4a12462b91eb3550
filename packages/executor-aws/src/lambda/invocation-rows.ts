import type { ExecutorStore } from '@fairlead/executor'
import { workloadExitSchema, type DispatchId, type WorkloadExit } from '@fairlead/protocol'
import { z } from 'zod'
import { dropOldRows } from '../shared/drop-old-rows.ts'

const INVOCATION = 'invocation/'
const RESULT = 'result/'

const invocationSchema = z.object({
  functionName: z.string(),
  qualifier: z.string().nullable(),
  invokedAt: z.number(),
  /** When nothing of it can run any more, and nobody has said anything. */
  deadlineAt: z.number(),
})
/** An invocation that was, or is about to be, asked for. Holds no credential. */
export type Invocation = z.infer<typeof invocationSchema>

/**
 * Invocations and their ends, in the executor's store. An end that arrives where the task is not known, at another
 * scheduler or while one starts, is left here for the one that knows it.
 */
export class InvocationRows {
  readonly #store: ExecutorStore

  constructor(store: ExecutorStore) {
    this.#store = store
  }

  async read(dispatchId: DispatchId): Promise<Invocation | null> {
    const row = invocationSchema.safeParse(await this.#store.get(INVOCATION + dispatchId))
    return row.success ? row.data : null
  }

  async write(dispatchId: DispatchId, invocation: Invocation): Promise<void> {
    await this.#store.set(INVOCATION + dispatchId, invocation)
  }

  async all(): Promise<ReadonlyMap<string, Invocation>> {
    const rows = await this.#store.list(INVOCATION)
    return new Map(
      rows.flatMap(({ key, value }) => {
        const row = invocationSchema.safeParse(value)
        return row.success ? [[key.slice(INVOCATION.length), row.data] as const] : []
      }),
    )
  }

  async leaveResult(dispatchId: DispatchId, exit: WorkloadExit): Promise<void> {
    await this.#store.set(RESULT + dispatchId, exit)
  }

  /** Ends that were left here. */
  async results(): Promise<ReadonlyMap<string, WorkloadExit>> {
    const rows = await this.#store.list(RESULT)
    return new Map(
      rows.flatMap(({ key, value }) => {
        const exit = workloadExitSchema.safeParse(value)
        return exit.success ? [[key.slice(RESULT.length), exit.data] as const] : []
      }),
    )
  }

  /** Drops what outlived its workload. */
  async sweep(now: number): Promise<void> {
    await dropOldRows(this.#store, INVOCATION, now)
    await dropOldRows(this.#store, RESULT, now)
  }

  async delete(dispatchId: DispatchId): Promise<void> {
    await this.#store.delete(INVOCATION + dispatchId)
    await this.#store.delete(RESULT + dispatchId)
  }
}
