import { scheduleSchema } from '@fairlead/protocol'
import { updateDag } from '../db/queries/dag-rows.ts'
import { findDueDags, nextRunRow, type DueDag } from '../db/queries/due.ts'
import type { Tx } from '../db/database.ts'
import { nextDagRun } from '../model/timetable.ts'
import { createDagRunIn } from './create-dag-run.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

const DAGS_PER_TRANSACTION = 50

/** Creates the runs that timetables made due, and says how many; call again while it answers more than none. */
export function createDueRuns(context: MoveContext): Promise<number> {
  return inTransaction(context, async (tx) => {
    const now = context.environment.clock.now()
    const due = await findDueDags(tx, now, DAGS_PER_TRANSACTION)
    for (const dag of due) {
      await createDagRunIn(tx, context, {
        dagId: dag.dag_id,
        runId: null,
        runType: 'scheduled',
        logicalDate: dag.next_logical_date,
        dataInterval: { start: dag.next_interval_start, end: dag.next_interval_end },
        runAfter: dag.next_run_after,
        conf: null,
        note: null,
        triggeredBy: 'timetable',
      })
      await advance(tx, context, dag)
    }
    return due.length
  })
}

async function advance(tx: Tx, context: MoveContext, dag: DueDag): Promise<void> {
  const { spec } = await context.graphs.of(tx, dag.version_id)
  const next = nextDagRun(scheduleSchema.parse(JSON.parse(dag.schedule)), {
    lastLogicalDate: dag.next_logical_date,
    startDate: spec.startDate,
    endDate: spec.endDate,
    catchup: spec.catchup,
    now: context.environment.clock.now(),
  })
  await updateDag(tx, dag.dag_id, nextRunRow(next))
}
