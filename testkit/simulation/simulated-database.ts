import type { Database, Tx } from '../../packages/core/src/db/database.ts'
import { never, type Life } from './life.ts'
import { OrderedFailure } from './ordered-failure.ts'
import type { Surroundings } from './surroundings.ts'

/** Looks at each transaction just before it commits. */
export type Inspect = (tx: Tx, who: string, now: number) => Promise<void>

/**
 * The database as one simulated process sees it. Each transaction is a step of its own, so that others come in
 * between, and the last thing inside it is the inspection.
 */
export function simulatedDatabase(
  inner: Database,
  life: Life,
  options: { surroundings: Surroundings; inspect: Inspect; isShared: boolean; skewMs: number },
): Database {
  const { kernel, chaos, trace } = options.surroundings
  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const { standstillMs } = life
    life.standstillMs = 0
    await kernel.sleep(life, chaos.pauseMs() + standstillMs)
    const fails = chaos.failsTransaction()
    try {
      return await inner.transaction(async (tx) => {
        const value = await work(tx)
        if (fails) throw new OrderedFailure('The database is away.')
        await options.inspect(tx, life.name, kernel.now + kernel.wallOffsetMs + options.skewMs)
        return value
      })
    } catch (error) {
      if (life.isDead) return await never<T>()
      if (fails) trace.note(life.name, 'transaction fails')
      throw error
    }
  }
  return {
    transaction,
    read: inner.read,
    listen: (listener, signal) => inner.listen(listener, signal),
    isExclusive: !options.isShared,
    fragments: inner.fragments,
    location: inner.location,
    get statementCount() {
      return inner.statementCount
    },
    close: async () => undefined,
  }
}
