import { scheduleSchema } from '@fairlead/protocol'
import { appendAudit } from '../db/queries/audit.ts'
import { findOpenBackfill, insertBackfill, readRunDurations, readRunsByDate } from '../db/queries/backfills.ts'
import { readDag } from '../db/queries/dag-rows.ts'
import { readPoolSizes } from '../db/queries/pools.ts'
import type { Tx } from '../db/database.ts'
import {
  backfillAction,
  datesBetween,
  estimateMs,
  poolPressure,
  type BackfillAction,
  type PoolPressure,
  type ReprocessBehavior,
} from '../model/backfill-plan.ts'
import type { NextDagRun } from '../model/timetable.ts'
import { inTransaction } from './in-transaction.ts'
import type { MoveContext } from './move-context.ts'

/** A backfill to create. */
export interface BackfillRequest {
  readonly dagId: string
  /** Both included, as logical dates. */
  readonly from: number
  readonly to: number
  readonly isReversed: boolean
  readonly reprocess: ReprocessBehavior
  /** Runs of it that may be queued or running at once. The Dag's own limit holds besides. */
  readonly maxActiveRuns: number
  readonly conf: Readonly<Record<string, unknown>> | null
  readonly actor: string
}

/** What a backfill would do. */
export interface BackfillForecast {
  /** In the order in which they run. */
  readonly dates: ReadonlyArray<NextDagRun & { readonly action: BackfillAction }>
  readonly pools: readonly PoolPressure[]
  /** Null where no earlier run says how long one takes. */
  readonly estimatedMs: number | null
}

/** Why there is nothing to forecast. */
export type BackfillRefusal =
  | { readonly kind: 'dagNotFound' }
  | { readonly kind: 'noDates' }
  | { readonly kind: 'inFuture' }
  | { readonly kind: 'tooManyDates'; readonly limit: number }

/** Dates of one backfill. */
const MOST_DATES = 10_000
/** Earlier runs that an estimate looks at. */
const RUNS_LOOKED_AT = 20

/** Says what a backfill would do, and changes nothing. */
export function forecastBackfill(
  context: MoveContext,
  request: BackfillRequest,
): Promise<({ readonly kind: 'forecast' } & BackfillForecast) | BackfillRefusal> {
  return context.database.transaction(async (tx) => {
    const found = await findDates(tx, context, request)
    if (found.kind !== 'found') return found
    const { dates, dag } = found
    const { spec } = await context.graphs.of(tx, dag.version_id)
    const existing = await readRunsByDate(tx, request.dagId, request)
    const pools = await readPoolSizes(tx)
    const planned = dates.map((date) => {
      const state = existing.get(date.logicalDate)?.state ?? null
      return { ...date, action: backfillAction(state, request.reprocess) }
    })
    const runs = planned.filter(({ action }) => action !== 'skip').length
    const runsAtOnce = Math.max(1, Math.min(request.maxActiveRuns, dag.max_active_runs, runs))
    const pressure = poolPressure({
      tasks: spec.tasks,
      maxActiveTasks: dag.max_active_tasks,
      runsAtOnce,
      pools,
    })
    const earlierRunsMs = await readRunDurations(tx.query, request.dagId, RUNS_LOOKED_AT)
    const estimatedMs = estimateMs({ runs, runsAtOnce, earlierRunsMs, pressure })
    return { kind: 'forecast', dates: planned, pools: pressure, estimatedMs }
  })
}

/** Creates a backfill. The scheduler runs its dates one after another. */
export function createBackfill(
  context: MoveContext,
  request: BackfillRequest,
): Promise<
  { readonly kind: 'created'; readonly id: number } | { readonly kind: 'open'; readonly id: number } | BackfillRefusal
> {
  return inTransaction(context, async (tx) => {
    const found = await findDates(tx, context, request)
    if (found.kind !== 'found') return found
    const now = context.environment.clock.now()
    const { dagId, actor, conf, reprocess } = request
    const row = {
      dag_id: dagId,
      from_date: request.from,
      to_date: request.to,
      is_reversed: request.isReversed ? 1 : 0,
      reprocess_behavior: reprocess,
      max_active_runs: request.maxActiveRuns,
      conf: conf === null ? null : JSON.stringify(conf),
      is_paused: 0,
      created_by: actor,
      created_at: now,
      updated_at: now,
      completed_at: null,
    }
    const id = await insertBackfill(tx, row, found.dates)
    if (id === null) return { kind: 'open' as const, id: (await findOpenBackfill(tx.query, dagId))?.id ?? 0 }
    const detail = { backfill: id, dates: found.dates.length, reprocess }
    await appendAudit(tx, [{ event: 'backfill.created', actor, dagId, detail }], now)
    return { kind: 'created' as const, id }
  })
}

async function findDates(tx: Tx, { environment }: MoveContext, request: BackfillRequest) {
  const dag = await readDag(tx, request.dagId)
  if (dag === undefined || dag.is_active === 0) return { kind: 'dagNotFound' as const }
  const schedule = scheduleSchema.parse(JSON.parse(dag.schedule))
  const dates = datesBetween(schedule, { from: request.from, to: request.to, limit: MOST_DATES })
  if (dates.length === 0) return { kind: 'noDates' as const }
  if (dates.length > MOST_DATES) return { kind: 'tooManyDates' as const, limit: MOST_DATES }
  if ((dates.at(-1)?.runAfter ?? 0) > environment.clock.now()) return { kind: 'inFuture' as const }
  return { kind: 'found' as const, dag, dates: request.isReversed ? dates.toReversed() : dates }
}
