import type { Tx } from '../database.ts'

/** Runs of one Dag: one of them, with the earlier or later ones, or all in a span. Compared by logical date. */
export type RunSelection =
  | { readonly kind: 'one'; readonly runId: string; readonly past: boolean; readonly future: boolean }
  | { readonly kind: 'span'; readonly from: number | null; readonly to: number | null }

/** The keys of the selected runs, or null when the run that is named is not there. */
export async function findRunKeys(tx: Tx, dagId: string, selection: RunSelection): Promise<readonly number[] | null> {
  if (selection.kind === 'span') return keysWithin(tx, dagId, selection)
  const run = await runsOf(tx, dagId).where('run_id', '=', selection.runId).executeTakeFirst()
  if (run === undefined) return null
  const { run_key: runKey, logical_date: at } = run
  if (at === null || (!selection.past && !selection.future)) return [runKey]
  return keysWithin(tx, dagId, { from: selection.past ? null : at, to: selection.future ? null : at })
}

async function keysWithin(
  tx: Tx,
  dagId: string,
  { from, to }: { from: number | null; to: number | null },
): Promise<readonly number[]> {
  let query = runsOf(tx, dagId).orderBy('run_key')
  if (from !== null) query = query.where('logical_date', '>=', from)
  if (to !== null) query = query.where('logical_date', '<=', to)
  return (await query.execute()).map((run) => run.run_key)
}

function runsOf({ query }: Tx, dagId: string) {
  return query.selectFrom('dag_run').select(['run_key', 'logical_date']).where('dag_id', '=', dagId)
}
