import { appendAudit } from '../db/queries/audit.ts'
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
    const dag = await tx.query.selectFrom('dag').select('is_paused').where('dag_id', '=', dagId).executeTakeFirst()
    if (dag === undefined) return { kind: 'dagNotFound' as const }
    if (dag.is_paused === isPaused) return { kind: 'unchanged' as const }
    const runs = await tx.query
      .selectFrom('dag_run')
      .select('run_key')
      .where('dag_id', '=', dagId)
      .where('state', '=', 'running')
      .execute()
    const runKeys = runs.map((run) => run.run_key)
    await lockRuns(tx, runKeys)
    await tx.query.updateTable('dag').set({ is_paused: isPaused }).where('dag_id', '=', dagId).execute()
    // Read under the lock again, now with the new truth: closing the ledger refits every window to it.
    const ledger = new RunLedger(tx, context, await lockRuns(tx, runKeys))
    for (const run of ledger.runs) run.mustRefit = true
    await ledger.close()
    const event = request.isPaused ? 'dag.paused' : 'dag.unpaused'
    await appendAudit(tx, [{ event, actor, dagId }], context.environment.clock.now())
    return { kind: 'moved' as const }
  })
}
