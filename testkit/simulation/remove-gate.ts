import { lockRuns } from '../../packages/core/src/db/queries/lock-runs.ts'
import type { ExplainedRow } from '../../packages/core/src/dispatch/explain-task-instance.ts'
import type { Explanation } from '../../packages/core/src/dispatch/explanation.ts'
import { laneText, parseLane } from '../../packages/core/src/model/lane.ts'
import { createPool, updatePool } from '../../packages/core/src/moves/change-pools.ts'
import { endDrain } from '../../packages/core/src/moves/order-drain.ts'
import { RunLedger } from '../../packages/core/src/moves/run-ledger.ts'
import { setDagPaused } from '../../packages/core/src/moves/set-dag-paused.ts'
import type { Trial } from './explain-probe.ts'

type Remove = (trial: Trial, row: ExplainedRow, facts: Explanation['facts']) => Promise<unknown>

const PLENTY = 10_000

/** Takes the gate away that `explain` has named. */
export async function removeGate(trial: Trial, row: ExplainedRow, { gate, facts }: Explanation): Promise<void> {
  const remove = REMOVE[gate]
  if (remove === undefined) throw new Error(`Nobody expects ${row.task_id} to be held by "${gate}".`)
  await remove(trial, row, facts)
}

const open: Remove = async ({ offers, context }, _row, facts) => {
  const executor = String(facts['executor'])
  offers.set(executor, { kind: 'open', parallelism: PLENTY })
  await endDrain(context, { executor, actor: 'probe' })
}

const wait =
  (fact: string): Remove =>
  async (trial, _row, facts) =>
    (trial.now = Math.max(trial.now, Date.parse(String(facts[fact]))))

const widen: Remove = async ({ context }, _row, { pool }) => {
  const name = String(pool)
  const { kind } = await updatePool(context, { name, change: { slots: PLENTY }, actor: 'probe' })
  if (kind === 'moved') return
  await createPool(context, { name, slots: PLENTY, description: null, includeDeferred: false, actor: 'probe' })
}

const unlimit: Remove = ({ tx }, row) => {
  const lane = laneText({ ...parseLane(row.lane), limits: null })
  return tx.query.updateTable('task_instance').set({ lane }).where('id', '=', row.id).execute()
}

const REMOVE: Readonly<Record<string, Remove>> = {
  dag_paused: async ({ tx, context }, row) => {
    const { dag_id: dagId } = await runOf(tx, row)
    return setDagPaused(context, { dagId, isPaused: false, actor: 'probe' })
  },
  executor_full: open,
  executor_not_configured: open,
  executor_unhealthy: open,
  launch_backoff: wait('until'),
  retry_delay: wait('until'),
  run_after: wait('runAfter'),
  max_active_runs: async ({ tx }, row) => {
    const { dag_id: dagId } = await runOf(tx, row)
    return tx.query.updateTable('dag').set({ max_active_runs: PLENTY }).where('dag_id', '=', dagId).execute()
  },
  max_active_tasks: async ({ tx, context }, row) => {
    await tx.query.updateTable('dag_run').set({ max_active_tasks: PLENTY }).where('run_key', '=', row.run_key).execute()
    const ledger = new RunLedger(tx, context, await lockRuns(tx, [row.run_key]))
    ledger.run(row.run_key).mustRefit = true
    return ledger.close()
  },
  max_active_tis_per_dag: unlimit,
  max_active_tis_per_dagrun: unlimit,
  pool_full: widen,
  pool_missing: widen,
  pool_too_small: widen,
}

function runOf(tx: Trial['tx'], row: ExplainedRow): Promise<{ dag_id: string }> {
  return tx.query.selectFrom('dag_run').select('dag_id').where('run_key', '=', row.run_key).executeTakeFirstOrThrow()
}
