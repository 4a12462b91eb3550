import { clearLaunchBackoff, findDueTaskInstances, type DueTaskInstance } from '../db/queries/due.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger } from './run-ledger.ts'
import { scheduleTasks } from './schedule-tasks.ts'

const ROWS_PER_TRANSACTION = 500

/** Schedules retries whose delay is over and lets relaunches be handed over again. Says how many rows were due. */
export function releaseDueTaskInstances(context: MoveContext): Promise<number> {
  return inTransaction(context, async (tx) => {
    const now = context.environment.clock.now()
    const found = await findDueTaskInstances(tx, now, ROWS_PER_TRANSACTION)
    if (found.length === 0) return 0
    const ledger = new RunLedger(tx, context, await lockRuns(tx, [...new Set(found.map((row) => row.run_key))]))
    // Read again under the locks: another scheduler may have released some of them in between.
    const due = (await findDueTaskInstances(tx, now, ROWS_PER_TRANSACTION)).filter((row) => ledger.holds(row.run_key))
    await scheduleTasks(ledger, due.filter((row) => row.state === 'up_for_retry').map(toRetry))
    const relaunches = due.filter((row) => row.state === 'scheduled')
    if (relaunches.length > 0)
      await clearLaunchBackoff(
        tx,
        relaunches.map((row) => row.id),
      )
    for (const row of relaunches) ledger.run(row.run_key).mustRefit = true
    await ledger.close()
    return due.length
  })
}

function toRetry(row: DueTaskInstance): { runKey: number; taskIndex: number; mapIndex: number; from: 'up_for_retry' } {
  return { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index, from: 'up_for_retry' }
}
