import { isTerminalDagRun, type DagRunState } from '@fairlead/protocol'
import { deleteRunRows } from '../db/queries/dag-run-rows.ts'
import { readLiveProcesses } from '../db/queries/live-processes.ts'
import { findRunKeys } from '../db/queries/select-runs.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { holdRuns } from './rewrite-runs.ts'

/** What became of it. `live`: processes of it are not known to be gone. */
export type DeleteRunAnswer =
  | { readonly kind: 'deleted' }
  | { readonly kind: 'notEnded'; readonly state: DagRunState }
  | { readonly kind: 'live'; readonly count: number }
  | { readonly kind: 'runNotFound' }

/** Deletes a run that has ended, with its tries and XComs. The audit log keeps what happened, and who deleted it. */
export function deleteDagRun(
  context: MoveContext,
  request: { readonly dagId: string; readonly runId: string; readonly actor: string },
): Promise<DeleteRunAnswer> {
  return inTransaction(context, async (tx): Promise<DeleteRunAnswer> => {
    const { dagId, runId, actor } = request
    const [runKey] = (await findRunKeys(tx, dagId, { kind: 'one', runId, past: false, future: false })) ?? []
    if (runKey === undefined) return { kind: 'runNotFound' }
    const { ledger } = await holdRuns(tx, context, [runKey])
    const { state } = ledger.run(runKey).row
    if (!isTerminalDagRun(state)) return { kind: 'notEnded', state }
    const live = await readLiveProcesses(tx.query, { dagId, runId })
    if (live.length > 0) return { kind: 'live', count: live.length }
    await deleteRunRows(tx, runKey)
    ledger.note({ event: 'dag_run.deleted', actor, dagId, runId, from: state })
    await ledger.close()
    return { kind: 'deleted' }
  })
}
