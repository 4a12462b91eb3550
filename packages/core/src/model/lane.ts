import { EXECUTOR_FALLBACKS, type DagSpec, type ExecutorFallback, type TaskSpec } from '@fairlead/protocol'
import { z } from 'zod'

/**
 * A lane: the gates, apart from its run's, that a scheduled task instance has to pass. Those in one lane wait for the
 * same things, so where one of them is held, all behind it are, and a lane that is shut is never read.
 */
export interface Lane {
  /** Where its task instances run: the first of these that takes them. Never empty. */
  readonly executors: readonly string[]
  readonly fallback: ExecutorFallback
  readonly pool: string
  readonly poolSlots: number
  readonly limits: TaskLimits | null
}

/** The limits of one task. */
export interface TaskLimits {
  readonly dagId: string
  readonly taskId: string
  /** Null for no limit over all runs. */
  readonly perDag: number | null
  /** Null for none within a run. */
  readonly perRun: RunLimit | null
}

/** A limit within one run makes a lane of that run alone. */
export interface RunLimit {
  readonly runKey: number
  readonly limit: number
}

/** The lane of a task in a run. Its executors are its own, or else its Dag's, or else the default one. */
export function laneOfTask(
  dag: DagSpec,
  task: TaskSpec,
  { runKey, defaultExecutor }: { runKey: number; defaultExecutor: string },
): Lane {
  const { maxActiveTisPerDag: perDag, maxActiveTisPerDagrun: limit } = task
  const isLimited = perDag !== null || limit !== null
  const perRun = limit === null ? null : { runKey, limit }
  return {
    executors: chainOf(task) ?? chainOf(dag) ?? [defaultExecutor],
    fallback: task.executorFallback ?? dag.executorFallback ?? 'unavailable',
    pool: task.pool,
    poolSlots: task.poolSlots,
    limits: isLimited ? { dagId: dag.dagId, taskId: task.taskId, perDag, perRun } : null,
  }
}

/** Executors in the order in which they are tried, or null where none is named. */
export function chainOf(spec: Pick<TaskSpec, 'executor' | 'fallbackExecutors'>): readonly string[] | null {
  return spec.executor === null ? null : [spec.executor, ...spec.fallbackExecutors]
}

const laneSchema = z.tuple([
  z.array(z.string()).min(1),
  z.enum(EXECUTOR_FALLBACKS),
  z.string(),
  z.int(),
  z.nullable(z.tuple([z.string(), z.string(), z.nullable(z.int()), z.nullable(z.tuple([z.int(), z.int()]))])),
])

/** The lane with one executor in place of another. One that is in it already is asked once, where it comes first. */
export function redirectLane(lane: Lane, from: string, to: string): Lane {
  return { ...lane, executors: [...new Set(lane.executors.map((name) => (name === from ? to : name)))] }
}

/** The lane as the text by which the database orders and compares it: equal lanes have equal texts. */
export function laneText({ executors, fallback, pool, poolSlots, limits }: Lane): string {
  const ofRun = limits?.perRun ?? null
  const run = ofRun === null ? null : [ofRun.runKey, ofRun.limit]
  const ofTask = limits === null ? null : [limits.dagId, limits.taskId, limits.perDag, run]
  return JSON.stringify([executors, executors.length === 1 ? 'unavailable' : fallback, pool, poolSlots, ofTask])
}

/** The lane of a text that {@link laneText} made. */
export function parseLane(text: string): Lane {
  const [executors, fallback, pool, poolSlots, ofTask] = laneSchema.parse(JSON.parse(text))
  if (ofTask === null) return { executors, fallback, pool, poolSlots, limits: null }
  const [dagId, taskId, perDag, run] = ofTask
  const perRun = run === null ? null : { runKey: run[0], limit: run[1] }
  return { executors, fallback, pool, poolSlots, limits: { dagId, taskId, perDag, perRun } }
}
