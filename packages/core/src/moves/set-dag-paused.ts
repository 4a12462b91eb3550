import { appendAudit } from '../db/queries/audit.ts'
import { readDag, updateDag } from '../db/queries/dag-rows.ts'
import { readRunningKeys } from '../db/queries/dag-run-rows.ts'
import { lockRuns } from '../db/queries/lock-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { RunLedger } from './run-ledger.ts'

/** Pauses or unpauses a Dag: paused, it starts no run and queues no task; what runs goes on. */
export function setDagPaused(
  context: MoveContext,
  request: { readonly dagId: string; readonly isPaused: boolean; readonly actor: string },
): Promise<{ readonly kind: 'moved' | 'unchanged' | 'dagNotFound' }> {
  return inTransaction(context, async (tx) => {
    const { dagId, actor } = request
    const isPaused = request.isPaused ? 1 : 0
    const dag = await readDag(tx, dagId)
    if (dag === undefined) return { kind: 'dagNotFound' as const }
    if (dag.is_paused === isPaused) return { kind: 'unchanged' as const }
    const runKeys = await readRunningKeys(tx, dagId)
    await lockRuns(tx, runKeys)
    await updateDag(tx, dagId, { is_paused: isPaused })
    // Read under the lock again, now with the new truth: closing the ledger refits every window to it.
    const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeys))
    for (const run of ledger.runs) run.mustRefit = true
    await ledger.close()
    const event = request.isPaused ? 'dag.paused' : 'dag.unpaused'
    await appendAudit(tx, [{ event, actor, dagId }], context.environment.clock.now())
    return { kind: 'moved' as const }
  })
}
