import type { Tx } from '../db/database.ts'
import type { MoveContext } from './move-context.ts'

/**
 * Runs a move in a transaction of its own, with the fault points around its commit, and wakes schedulers: this
 * process's after the commit, those of others by the commit itself. `isNews` says whether its answer gives them
 * something to do.
 */
export async function inTransaction<T>(
  context: MoveContext,
  work: (tx: Tx) => Promise<T>,
  isNews: (answer: T) => boolean = () => true,
): Promise<T> {
  const { database, environment, wake } = context
  const result = await database.transaction(async (tx) => {
    const value = await work(tx)
    if (wake !== null && isNews(value)) await tx.announce()
    environment.faults.at('moves.beforeCommit')
    return value
  })
  environment.faults.at('moves.afterCommit')
  if (isNews(result)) wake?.()
  return result
}
