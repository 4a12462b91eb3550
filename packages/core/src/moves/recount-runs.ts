import { settleUnstartedRows } from '../db/queries/move-task-instances.ts'
import { readStandingRows, setUpstreamCounts, type StandingRow } from '../db/queries/rewrite-runs.ts'
import { decideRun, type DecidedRow } from '../model/decide-run.ts'
import type { RunLedger } from './run-ledger.ts'
import { scheduleTasks } from './schedule-tasks.ts'

/**
 * Counts and decides the undecided task instances of runs anew, from how all of them stand. The work is proportional to
 * the run: for what users do by hand, never for what workers report.
 */
export async function recountRuns(ledger: RunLedger, runKeys: readonly number[]): Promise<void> {
  if (runKeys.length === 0) return
  const rows = new Map<number, StandingRow[]>(runKeys.map((runKey) => [runKey, []]))
  for (const row of await readStandingRows(ledger.tx, runKeys)) rows.get(row.run_key)?.push(row)
  for (const [runKey, own] of rows) await recountRun(ledger, runKey, own)
}

async function recountRun(ledger: RunLedger, runKey: number, rows: readonly StandingRow[]): Promise<void> {
  const graph = await ledger.graphOf(runKey)
  const decidable = rows.map((row) => ({ taskIndex: row.task_index, mapIndex: row.map_index, state: row.state, row }))
  const run = ledger.run(runKey)
  const decided = decideRun(graph, decidable, { decides: run.isRunning })
  await setUpstreamCounts(
    ledger.tx,
    decided.map(({ row, counts }) => ({ runKey, taskIndex: row.taskIndex, mapIndex: row.mapIndex, ...counts })),
  )
  await settleDecided(ledger, runKey, decided)
  const ready = decided.filter(({ decision }) => decision === 'run')
  await scheduleTasks(
    ledger,
    ready.map(({ row }) => ({ runKey, taskIndex: row.taskIndex, mapIndex: row.mapIndex, from: 'none' as const })),
  )
}

async function settleDecided(
  ledger: RunLedger,
  runKey: number,
  decided: ReadonlyArray<DecidedRow<Decidable>>,
): Promise<void> {
  const run = ledger.run(runKey)
  const settled = decided.flatMap(({ row, decision }) =>
    decision === 'skipped' || decision === 'upstream_failed' ? [{ row: row.row, to: decision }] : [],
  )
  if (settled.length === 0) return
  const moves = settled.map(({ row, to }) => ({ runKey, taskIndex: row.task_index, mapIndex: row.map_index, to }))
  await settleUnstartedRows(ledger.tx, moves, ledger.now)
  for (const { row, to } of settled) {
    run.unfinished -= 1
    if (row.is_leaf === 1 && to === 'upstream_failed') run.failedLeaves += 1
    const { task_id: taskId, map_index: mapIndex, try_number: tryNumber } = row
    ledger.audit(runKey, { actor: 'scheduler', taskId, mapIndex, tryNumber, from: 'none', to })
  }
}

interface Decidable {
  readonly taskIndex: number
  readonly mapIndex: number
  readonly state: StandingRow['state']
  readonly row: StandingRow
}
