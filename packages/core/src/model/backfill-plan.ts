import type { DagRunState, Schedule } from '@fairlead/protocol'
import { nextDagRun, type NextDagRun } from './timetable.ts'

/** What a backfill does with a date that has a run already. */
export const REPROCESS_BEHAVIORS = ['none', 'failed', 'completed'] as const
/** One of {@link REPROCESS_BEHAVIORS}. */
export type ReprocessBehavior = (typeof REPROCESS_BEHAVIORS)[number]

/** What a backfill does for one date. */
export type BackfillAction = 'create' | 'reprocess' | 'skip'

/** What becomes of a date, by the state of the run that it has already, or null where it has none. */
export function backfillAction(existing: DagRunState | null, behavior: ReprocessBehavior): BackfillAction {
  if (existing === null) return 'create'
  if (existing === 'failed') return behavior === 'none' ? 'skip' : 'reprocess'
  return existing === 'success' && behavior === 'completed' ? 'reprocess' : 'skip'
}

/** The runs that a timetable has between two moments, both included, in order; at most one more than `limit`. */
export function datesBetween(
  schedule: Schedule,
  span: { readonly from: number; readonly to: number; readonly limit: number },
): readonly NextDagRun[] {
  const dates: NextDagRun[] = []
  const rule = { startDate: span.from, endDate: span.to, catchup: true, now: span.to }
  for (let last: number | null = null; dates.length <= span.limit;) {
    const next = nextDagRun(schedule, { ...rule, lastLogicalDate: last })
    if (next === null) break
    dates.push(next)
    last = next.logicalDate
  }
  return dates
}

/** What a pool would have to bear while a backfill runs. */
export interface PoolPressure {
  readonly pool: string
  /** Slots of the pool; -1 for as many as there are, null where there is no such pool. */
  readonly slots: number | null
  /** Slots that the backfill takes at most at one moment. */
  readonly needed: number
}

/** The most that a backfill takes of each pool: of each run the tasks with the most slots, as many as may be active. */
export function poolPressure(input: {
  readonly tasks: ReadonlyArray<{ readonly pool: string; readonly poolSlots: number }>
  readonly maxActiveTasks: number
  readonly runsAtOnce: number
  readonly pools: ReadonlyMap<string, number>
}): readonly PoolPressure[] {
  const names = [...new Set(input.tasks.map(({ pool }) => pool))].toSorted()
  return names.map((pool) => {
    const slots = input.tasks.filter((task) => task.pool === pool).map((task) => task.poolSlots)
    const ofRun = slots.toSorted((a, b) => b - a).slice(0, input.maxActiveTasks)
    const needed = ofRun.reduce((sum, one) => sum + one, 0) * input.runsAtOnce
    return { pool, slots: input.pools.get(pool) ?? null, needed }
  })
}

/**
 * How long a backfill takes, in milliseconds: its runs in waves of as many as run at once, each as long as earlier
 * runs took, stretched where a pool holds fewer than it needs. Null without an earlier run.
 */
export function estimateMs(input: {
  readonly runs: number
  readonly runsAtOnce: number
  readonly earlierRunsMs: readonly number[]
  readonly pressure: readonly PoolPressure[]
}): number | null {
  const sorted = input.earlierRunsMs.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]
  if (median === undefined) return null
  const stretch = input.pressure.map(({ slots, needed }) => (slots === null || slots <= 0 ? 1 : needed / slots))
  return Math.ceil(input.runs / input.runsAtOnce) * median * Math.max(1, ...stretch)
}
