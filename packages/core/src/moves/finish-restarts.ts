import type { Tx } from '../db/database.ts'
import type { ReleasedDispatch } from '../db/queries/dispatches.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import type { TaskAddress } from '../db/queries/move-task-instances.ts'
import { endRestarts } from '../db/queries/rewrite-runs.ts'
import { readLiveDispatches } from '../db/queries/stop-requests.ts'
import { isGone } from '../model/version-change.ts'
import type { MoveContext } from './move-context.ts'
import { recountRuns } from './recount-runs.ts'
import { RunLedger } from './run-ledger.ts'

/**
 * Lets task instances that are restarting run again whose last process is gone, in the transaction that frees its slot.
 * Only what was asked to stop can hold one up, so an ordinary end costs nothing.
 */
export async function finishRestarts(
  tx: Tx,
  context: MoveContext,
  released: readonly ReleasedDispatch[],
): Promise<void> {
  const stopped = released.filter((row) => row.stop_requested_at !== null)
  if (stopped.length === 0) return
  const runKeys = [...new Set(stopped.map((row) => row.run_key))]
  const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeys))
  const addresses = stopped.map((row) => addressOf(row))
  const held = new Set((await readLiveDispatches(tx, addresses)).map((row) => keyOf(addressOf(row))))
  const restarted = await endRestarts(
    tx,
    addresses.filter((address) => !held.has(keyOf(address))),
    ledger.now,
  )
  for (const row of restarted) {
    const { task_id: taskId, map_index: mapIndex, try_number: tryNumber } = row
    const to = isGone(row) ? 'removed' : 'none'
    if (to === 'removed') ledger.run(row.run_key).unfinished -= 1
    ledger.audit(row.run_key, { actor: 'scheduler', taskId, mapIndex, tryNumber, from: 'restarting', to })
  }
  await recountRuns(ledger, [...new Set(restarted.map((row) => row.run_key))])
  await ledger.close()
}

function addressOf(row: { run_key: number; task_index: number; map_index: number }): TaskAddress {
  return { runKey: row.run_key, taskIndex: row.task_index, mapIndex: row.map_index }
}

function keyOf({ runKey, taskIndex, mapIndex }: TaskAddress): string {
  return `${runKey}/${taskIndex}/${mapIndex}`
}
