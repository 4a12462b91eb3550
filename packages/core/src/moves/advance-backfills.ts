import type { Tx } from '../db/database.ts'
import { appendAudit } from '../db/queries/audit.ts'
import {
  changeOpenBackfill,
  holdOpenBackfills,
  joinBackfill,
  readDatesAhead,
  readRunsByDate,
  settleDate,
  type BackfillRunRow,
  type OpenBackfill,
} from '../db/queries/backfills.ts'
import { backfillAction } from '../model/backfill-plan.ts'
import { formatTriggeredBy } from '../model/triggered-by.ts'
import { createDagRunIn } from './create-dag-run.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'
import { holdRuns, rewriteRuns } from './rewrite-runs.ts'

/** Dates that one transaction deals with: most of them may be skipped. */
const DATES_PER_BACKFILL = 50

/** Runs the next dates of each open backfill as far as its limit allows, and ends those that have nothing left. */
export function advanceBackfills(context: MoveContext): Promise<number> {
  return inTransaction(context, async (tx) => {
    let changes = 0
    for (const backfill of await holdOpenBackfills(tx)) changes += await advance(tx, context, backfill)
    return changes
  })
}

async function advance(tx: Tx, context: MoveContext, backfill: OpenBackfill): Promise<number> {
  let places = backfill.max_active_runs - backfill.active
  let changes = 0
  const dates = await readDatesAhead(tx, backfill.id, DATES_PER_BACKFILL)
  for (const date of dates) {
    if (places <= 0) return changes
    changes += 1
    if (await runDate(tx, context, { backfill, date })) places -= 1
  }
  if (dates.length > 0 || backfill.active > 0) return changes
  const now = context.environment.clock.now()
  await changeOpenBackfill(tx, backfill.id, { completed_at: now, updated_at: now })
  const entry = { event: 'backfill.completed', actor: 'scheduler', dagId: backfill.dag_id }
  await appendAudit(tx, [{ ...entry, detail: { backfill: backfill.id } }], now)
  return changes + 1
}

interface DateOfBackfill {
  readonly backfill: OpenBackfill
  readonly date: BackfillRunRow
}

/** True when the date has a run now that takes a place. What it has already is looked at now, not as it was. */
async function runDate(tx: Tx, context: MoveContext, { backfill, date }: DateOfBackfill): Promise<boolean> {
  const at = date.logical_date
  const existing = (await readRunsByDate(tx, backfill.dag_id, { from: at, to: at })).get(at)
  const action = backfillAction(existing?.state ?? null, backfill.reprocess_behavior)
  if (existing === undefined) {
    const created = await create(tx, context, { backfill, date })
    const runId = created.kind === 'dagNotFound' ? null : created.runId
    await settleDate(tx, date, { outcome: created.kind === 'created' ? 'created' : 'skipped', runId })
    return created.kind === 'created'
  }
  if (action === 'skip') {
    await settleDate(tx, date, { outcome: 'skipped', runId: existing.run_id })
    return false
  }
  const held = await holdRuns(tx, context, [existing.run_key])
  await joinBackfill(tx, existing.run_key, backfill)
  const changes = held.rows.map((row) => ({ kind: 'clear' as const, row }))
  await rewriteRuns(held, changes, { actor: backfill.created_by, reason: 'cleared' })
  await settleDate(tx, date, { outcome: 'reprocessed', runId: existing.run_id })
  return true
}

async function create(tx: Tx, context: MoveContext, { backfill, date }: DateOfBackfill) {
  const answer = await createDagRunIn(tx, context, {
    dagId: backfill.dag_id,
    runId: null,
    runType: 'backfill',
    logicalDate: date.logical_date,
    dataInterval: { start: date.data_interval_start, end: date.data_interval_end },
    runAfter: null,
    conf: null,
    note: null,
    triggeredBy: formatTriggeredBy({ through: 'backfill', username: backfill.created_by }),
  })
  if (answer.kind === 'created') await joinBackfill(tx, answer.runKey, backfill)
  return answer
}
