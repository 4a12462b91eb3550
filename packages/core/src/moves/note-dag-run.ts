import { appendAudit } from '../db/queries/audit.ts'
import { writeRunNote } from '../db/queries/dag-run-rows.ts'
import type { MoveContext } from './move-context.ts'

/** Writes or takes away the note of a run. Nothing follows from it, so nobody is woken. */
export function noteDagRun(
  { database, environment }: MoveContext,
  request: { readonly dagId: string; readonly runId: string; readonly note: string | null; readonly actor: string },
): Promise<void> {
  const { dagId, runId, note, actor } = request
  return database.transaction(async (tx) => {
    await writeRunNote(tx, { dagId, runId, note })
    await appendAudit(tx, [{ event: 'dag_run.noted', actor, dagId, runId }], environment.clock.now())
  })
}
