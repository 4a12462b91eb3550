import type { Statement } from '../../packages/core/src/db/dialect/dialect.ts'
import { sqliteFragments } from '../../packages/core/src/db/dialect/sqlite/fragments.ts'
import type { Database, Tx } from '../../packages/core/src/db/database.ts'
import { never, type Life } from './life.ts'
import { OrderedFailure } from './ordered-failure.ts'
import type { Surroundings } from './surroundings.ts'

/** Looks at each transaction just before it commits. `hasWritten` is false only when nothing was. */
export type Inspect = (tx: Tx, by: { who: string; now: number; hasWritten: boolean }) => Promise<void>

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
        const watched = watch(tx)
        const value = await work(watched.tx)
        if (fails) throw new OrderedFailure('The database is away.')
        const now = kernel.now + kernel.wallOffsetMs + options.skewMs
        await options.inspect(tx, { who: life.name, now, hasWritten: watched.hasWritten })
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

/** Notes whether anything was written. */
function watch(tx: Tx): { readonly tx: Tx; readonly hasWritten: boolean } {
  let hasWritten = false
  return {
    tx: {
      all: (statement, parameters) => {
        hasWritten ||= !isRead(statement)
        return tx.all(statement, parameters)
      },
      announce: () => tx.announce(),
      windowOf: (windows) => tx.windowOf(windows),
      get query() {
        hasWritten = true
        return tx.query
      },
    },
    get hasWritten() {
      return hasWritten
    },
  }
}

const READS = new WeakMap<Statement, boolean>()

function isRead(statement: Statement): boolean {
  const known = READS.get(statement)
  if (known !== undefined) return known
  const is = !/\b(insert|update|delete)\b/.test(statement.textFor(sqliteFragments))
  READS.set(statement, is)
  return is
}
