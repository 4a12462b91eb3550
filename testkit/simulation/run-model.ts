import type { DagRunState, DagSpec, TaskInstanceState, TaskSpec, TriggerRule } from '@fairlead/protocol'

/** What the umpire believes of the world, from the audit log alone. */

/** A run. */
export interface RunModel {
  readonly runKey: number
  readonly dagId: string
  readonly runId: string
  readonly spec: DagSpec
  readonly tasks: ReadonlyMap<string, TaskModel>
  state: DagRunState
  /** Number of the transaction that started it. */
  startedIn: number | null
}

/** A task instance. */
export interface TaskModel {
  readonly dagId: string
  readonly runKey: number
  readonly spec: TaskSpec
  readonly taskId: string
  readonly label: string
  readonly rule: TriggerRule
  readonly isSetup: boolean
  readonly isLeaf: boolean
  readonly upstream: readonly TaskModel[]
  state: TaskInstanceState
  tryNumber: number
  dispatchId: string | null
  /** Every hand-over of it so far. */
  readonly attempts: AttemptModel[]
  /** Number of the transaction that settled it; null while it is open. */
  settledIn: number | null
  /** Number of the transaction in which its trigger rule decided, and what it decided. */
  decidedIn: number | null
  decidedAs: TaskInstanceState
  /** Number of the transaction since which it is undecided, when somebody cleared it. */
  clearedIn: number | null
}

/** A hand-over. Closed once, by whoever ended it. */
export interface AttemptModel {
  readonly dispatchId: string
  readonly task: TaskModel
  closed: ClosedAttempt | null
  /** When it last gave a sign of life that was accepted, in kernel time; null before it was let run. */
  lastSignAt: number | null
  /** Set when somebody wants its process stopped, though the task instance is to run. */
  isToStop: boolean
}

/** How an attempt ended. */
export interface ClosedAttempt {
  readonly from: TaskInstanceState
  readonly to: TaskInstanceState
  readonly actor: string
  readonly detail: string
}

/** A run as it is created. */
export function newRun(at: { runKey: number; dagId: string; runId: string }, spec: DagSpec): RunModel {
  const tasks = new Map<string, TaskModel>()
  const upstreamIds = new Set(spec.tasks.flatMap((task) => task.upstream))
  for (const task of spec.tasks) {
    const { taskId, triggerRule, isSetup, upstream } = task
    tasks.set(taskId, {
      dagId: at.dagId,
      runKey: at.runKey,
      spec: task,
      taskId,
      label: `${at.dagId}/${at.runId}/${taskId}`,
      rule: triggerRule,
      isSetup,
      isLeaf: !upstreamIds.has(taskId),
      upstream: upstream.flatMap((id) => tasks.get(id) ?? []),
      state: 'none',
      tryNumber: 0,
      dispatchId: null,
      attempts: [],
      settledIn: null,
      decidedIn: null,
      decidedAs: 'none',
      clearedIn: null,
    })
  }
  return { ...at, spec, tasks, state: 'queued', startedIn: null }
}
