import type { Tx } from '../db/database.ts'
import { ageWaiting } from '../db/queries/claims.ts'
import {
  findOrphanedExecutors,
  findSilent,
  findStuck,
  readDispatchesOf,
  type DispatchRow,
} from '../db/queries/dispatches.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { SignsOfLife } from '../dispatch/signs-of-life.ts'
import { taskInstanceRefOf } from '../dispatch/workload-of.ts'
import type { MoveContext } from '../moves/move-context.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SchedulerTimes } from './scheduler-times.ts'

/** What sweeps work with. */
export interface SweepContext {
  readonly context: MoveContext
  readonly dispatcher: Dispatcher
  readonly schedulerId: string
  readonly signsOfLife: SignsOfLife
  readonly times: SchedulerTimes
  readonly log: Log
  readonly metrics: Metrics
}

/** What one look found. */
export interface Findings {
  readonly silent: readonly DispatchRow[]
  readonly stuck: readonly DispatchRow[]
  /** Everything that this scheduler has handed over. */
  readonly own: readonly DispatchRow[]
  readonly orphaned: readonly string[]
}

const ROWS_PER_SWEEP = 200
const AGED_PER_SWEEP = 2_000

/** One transaction: a sweep that finds nothing costs no more than this. */
export function look(deps: SweepContext, now: number): Promise<Findings> {
  const { heartbeatTimeoutMs, ageingMs } = deps.times
  return deps.context.database.transaction(async (tx) => {
    if (ageingMs > 0) await ageWaiting(tx, now, ageingMs, AGED_PER_SWEEP)
    return {
      silent: await findSilent(tx, now - heartbeatTimeoutMs, ROWS_PER_SWEEP),
      stuck: await findForgotten(tx, deps, now),
      own: await readDispatchesOf(tx, deps.schedulerId),
      orphaned: await findOrphanedExecutors(tx, now),
    }
  })
}

/** What has been queued for too long, less what its executor says it waits for: that is not stuck, and none of its fault. */
async function findForgotten(
  tx: Tx,
  { dispatcher, schedulerId, times }: SweepContext,
  now: number,
): Promise<readonly DispatchRow[]> {
  const since = now - times.queuedTimeoutMs
  const isForgotten = (row: DispatchRow): boolean => {
    const executor = dispatcher.executors.get(row.executor)
    return (executor?.waitingFor(taskInstanceRefOf(row).dispatchId) ?? null) === null
  }
  const forgotten: DispatchRow[] = []
  let page: readonly DispatchRow[]
  let after = ''
  do {
    page = await findStuck(tx, { since, schedulerId, now }, { after, limit: ROWS_PER_SWEEP })
    after = page.at(-1)?.dispatch_id ?? after
    forgotten.push(...page.filter(isForgotten))
  } while (page.length === ROWS_PER_SWEEP && forgotten.length < ROWS_PER_SWEEP)
  return forgotten
}
