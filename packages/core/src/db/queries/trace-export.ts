import type { Kysely } from 'kysely'
import type { Tx } from '../database.ts'
import type { Schema } from '../schema.ts'
import type { AuditRow } from './audit-log-reads.ts'

/** How far the audit log has been told as traces. One process at a time tells it, and only that one moves the place. */

const ONLY_ROW = 1

/** Who wants the turn, and for how long. */
export interface TraceTurn {
  readonly holder: string
  readonly now: number
  readonly leaseMs: number
}

/** Takes the turn, or keeps it, and answers the place; null while another process has it. Begins at `newest`. */
export async function takeTraceTurn(
  tx: Tx,
  turn: TraceTurn & { readonly isAlone: boolean },
  newest: number,
): Promise<number | null> {
  const { holder, now, leaseMs, isAlone } = turn
  await tx.query
    .insertInto('trace_export')
    .values({ id: ONLY_ROW, seq: newest, holder, held_until: now + leaseMs })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  const row = await tx.query
    .updateTable('trace_export')
    .set({ holder, held_until: now + leaseMs })
    .where('id', '=', ONLY_ROW)
    .$if(!isAlone, (query) => query.where((eb) => eb.or([eb('holder', '=', holder), eb('held_until', '<=', now)])))
    .returning('seq')
    .executeTakeFirst()
  return row === undefined ? null : Number(row.seq)
}

/** Moves the place; false when the turn is another's by now. */
export async function moveTracePlace({ query }: Tx, turn: TraceTurn, seq: number): Promise<boolean> {
  const { holder, now, leaseMs } = turn
  const result = await query
    .updateTable('trace_export')
    .set({ seq, held_until: now + leaseMs })
    .where('id', '=', ONLY_ROW)
    .where('holder', '=', holder)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) > 0
}

/** Lets another process take the turn at once. */
export async function endTraceTurn({ query }: Tx, { holder, now }: Omit<TraceTurn, 'leaseMs'>): Promise<void> {
  await query.updateTable('trace_export').set({ held_until: now }).where('holder', '=', holder).execute()
}

/** What the audit log says of one run up to a place in it, in order. */
export function readRunAudit(
  db: Kysely<Schema>,
  run: { readonly dagId: string; readonly runId: string },
  upTo: number,
): Promise<AuditRow[]> {
  return db
    .selectFrom('audit_log')
    .selectAll()
    .where('dag_id', '=', run.dagId)
    .where('run_id', '=', run.runId)
    .where('seq', '<=', upTo)
    .orderBy('seq')
    .execute()
}
