import { INFINITE_SLOTS } from '@fairlead/protocol'
import type { Tx } from '../../packages/core/src/db/database.ts'
import { statement } from '../../packages/core/src/db/statement.ts'
import { groupBy } from './group-by.ts'
import type { Violated } from './recount.ts'
import type { AttemptModel, TaskModel } from './run-model.ts'
import type { DispatchRow } from './slot-check.ts'

/** What a claim leaves. */
export interface Claimed {
  readonly rows: readonly DispatchRow[]
  readonly fresh: readonly DispatchRow[]
  readonly attempts: ReadonlyMap<string, AttemptModel>
}

interface LinedUpRow {
  readonly task_id: string
  readonly dispatch_id: string | null
  readonly lane: string
  readonly priority: number
  readonly order_date: number
  readonly run_key: number
  readonly task_index: number
}

const poolRows = statement(() => `select name, slots from pool`)
const drainRows = statement(() => `select executor from executor_drain`)
const linedUp = statement(
  () => `select task_id, dispatch_id, lane, priority, order_date, run_key, task_index from task_instance
  where is_admissible = 1 or dispatch_id in (select value from json_each($1))
  order by priority desc, order_date, run_key, task_index`,
)

/**
 * Claims keep to pools, to the limits of tasks and to the order of those who wait for the same things. Pools may shrink
 * and versions change their limits, so each holds for what is claimed from then on.
 */
export async function checkClaim(tx: Tx, claimed: Claimed, violated: Violated): Promise<void> {
  if (claimed.fresh.length === 0) return
  const pools = new Map((await tx.all<{ name: string; slots: number }>(poolRows)).map((row) => [row.name, row.slots]))
  for (const row of claimed.fresh) {
    const task = claimed.attempts.get(row.dispatch_id)?.task
    if (task === undefined) continue
    checkPool(row, task, claimed.rows, pools, violated)
    checkLimits(row, task, claimed, violated)
  }
  const drained = new Set((await tx.all<{ executor: string }>(drainRows)).map((row) => row.executor))
  const wrong = claimed.fresh.find((row) => drained.has(row.executor))
  if (wrong !== undefined) violated('drains', `${wrong.dispatch_id} was queued on ${wrong.executor}, which is drained`)
  await checkOrder(tx, claimed, violated)
}

function checkPool(
  row: DispatchRow,
  { spec, label }: TaskModel,
  rows: readonly DispatchRow[],
  pools: ReadonlyMap<string, number>,
  violated: Violated,
): void {
  if (row.pool !== spec.pool || row.pool_slots !== spec.poolSlots) {
    violated(
      'pools',
      `${label} takes ${row.pool_slots} slots of "${row.pool}", and needs ${spec.poolSlots} of "${spec.pool}"`,
    )
  }
  const slots = pools.get(spec.pool) ?? 0
  const used = rows.filter((one) => one.pool === spec.pool).reduce((sum, one) => sum + one.pool_slots, 0)
  if (slots !== INFINITE_SLOTS && used > slots) {
    violated('pools', `${label} was queued, so that ${used} of ${slots} slots of pool "${spec.pool}" are taken`)
  }
}

/** Versions may differ in their limits: each task instance is held to its own, beside those that were queued before it. */
function checkLimits(row: DispatchRow, task: TaskModel, claimed: Claimed, violated: Violated): void {
  const { maxActiveTisPerDag: perDag, maxActiveTisPerDagrun: perRun } = task.spec
  if (perDag === null && perRun === null) return
  const fresh = new Set(claimed.fresh.map((one) => one.dispatch_id))
  const same = claimed.rows.flatMap(({ dispatch_id: dispatchId }) => {
    const other = claimed.attempts.get(dispatchId)?.task
    if (other === undefined || other.dagId !== task.dagId || other.taskId !== task.taskId) return []
    // Within one claim ids are minted in the order of admission, which counts only what has limits.
    const isBefore = !fresh.has(dispatchId) || (dispatchId <= row.dispatch_id && hasLimits(other))
    return isBefore ? [other] : []
  })
  const inRun = same.filter((other) => other.runKey === task.runKey)
  if (perDag !== null && same.length > perDag) {
    violated('limits of a task', `${task.label} was queued, so that ${same.length} are active, and ${perDag} may be`)
  }
  if (perRun !== null && inRun.length > perRun) {
    violated(
      'limits of a task',
      `${task.label} was queued, so that ${inRun.length} are active in its run, not ${perRun}`,
    )
  }
}

function hasLimits({ spec }: TaskModel): boolean {
  return spec.maxActiveTisPerDag !== null || spec.maxActiveTisPerDagrun !== null
}

/** Whoever is still admissible was not passed over by somebody behind it in the same lane. */
async function checkOrder(tx: Tx, { fresh }: Claimed, violated: Violated): Promise<void> {
  const claimed = new Set(fresh.map((row) => row.dispatch_id))
  const rows = await tx.all<LinedUpRow>(linedUp, [JSON.stringify([...claimed])])
  for (const inLane of groupBy(rows, (row) => row.lane).values()) {
    const last = inLane.findLastIndex((row) => row.dispatch_id !== null && claimed.has(row.dispatch_id))
    const passed = inLane.slice(0, Math.max(last, 0)).find((row) => row.dispatch_id === null)
    if (passed !== undefined) {
      violated(
        'priority order',
        `${inLane[last]?.task_id} of run ${inLane[last]?.run_key} was queued before ${passed.task_id} of run ${passed.run_key}`,
      )
    }
  }
}
