import type { Tx } from '../db/database.ts'
import type { MoveContext } from './move-context.ts'

/** Runs a move in a transaction of its own, with the fault points around its commit, and wakes the scheduler after it. */
export async function inTransaction<T>(context: MoveContext, work: (tx: Tx) => Promise<T>): Promise<T> {
  const result = await context.database.transaction(async (tx) => {
    const value = await work(tx)
    context.environment.faults.at('moves.beforeCommit')
    return value
  })
  context.environment.faults.at('moves.afterCommit')
  context.wake()
  return result
}
