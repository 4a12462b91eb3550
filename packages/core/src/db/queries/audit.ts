import type { Tx } from '../database.ts'
import { statement } from '../statement.ts'

/** One line of the audit log. */
export interface AuditEntry {
  readonly event: string
  readonly actor: string
  readonly dagId?: string | undefined
  readonly runId?: string | undefined
  readonly taskId?: string | undefined
  readonly mapIndex?: number | undefined
  readonly tryNumber?: number | undefined
  readonly dispatchId?: string | null | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly detail?: unknown
}

const insertAudit = statement(
  ({ rows }) => `
  insert into audit_log (at, event, actor, dag_id, run_id, task_id, map_index, try_number, dispatch_id, from_state, to_state, detail)
  select $2, in_event, in_actor, in_dag_id, in_run_id, in_task_id, in_map_index, in_try, in_dispatch_id, in_from, in_to, in_detail
  from ${rows(1, {
    in_event: 'text',
    in_actor: 'text',
    in_dag_id: 'text',
    in_run_id: 'text',
    in_task_id: 'text',
    in_map_index: 'int',
    in_try: 'int',
    in_dispatch_id: 'text',
    in_from: 'text',
    in_to: 'text',
    in_detail: 'text',
  })} as d where true`,
)

/** Appends to the audit log, in the transaction of what it tells of. */
export async function appendAudit(tx: Tx, entries: readonly AuditEntry[], now: number): Promise<void> {
  if (entries.length === 0) return
  await tx.all(insertAudit, [JSON.stringify(entries.map(toRow)), now])
}

function toRow(entry: AuditEntry): readonly unknown[] {
  return [
    entry.event,
    entry.actor,
    entry.dagId ?? null,
    entry.runId ?? null,
    entry.taskId ?? null,
    entry.mapIndex ?? null,
    entry.tryNumber ?? null,
    entry.dispatchId ?? null,
    entry.from ?? null,
    entry.to ?? null,
    entry.detail === undefined ? null : JSON.stringify(entry.detail),
  ]
}
