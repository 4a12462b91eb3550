/**
 * Task instance and Dag run states, with Airflow's strings, and the moves that are legal between them.
 *
 * Invariant 1: a state that is not listed as a source of a move never changes.
 * Invariant 2: a terminal state is left only by somebody who clears it (to `none`, or to `restarting` while a process of
 * it may live) or marks it as another one.
 */

/** Every state of a task instance. `none` is Airflow's null: created, and nothing decided yet. */
export const TASK_INSTANCE_STATES = [
  'none',
  'scheduled',
  'queued',
  'running',
  'success',
  'failed',
  'up_for_retry',
  'up_for_reschedule',
  'upstream_failed',
  'skipped',
  'deferred',
  'restarting',
  'removed',
] as const

/** One of {@link TASK_INSTANCE_STATES}. */
export type TaskInstanceState = (typeof TASK_INSTANCE_STATES)[number]

/** States in which a task instance is settled: nothing further happens without a clear. */
export const TERMINAL_TASK_INSTANCE_STATES = ['success', 'failed', 'skipped', 'upstream_failed', 'removed'] as const

/** One of {@link TERMINAL_TASK_INSTANCE_STATES}. */
export type TerminalTaskInstanceState = (typeof TERMINAL_TASK_INSTANCE_STATES)[number]

/** True when the task instance is settled. */
export function isTerminal(state: TaskInstanceState): state is TerminalTaskInstanceState {
  return (TERMINAL_TASK_INSTANCE_STATES as readonly TaskInstanceState[]).includes(state)
}

/** Every legal move of a task instance: from each state, the states it may enter. */
export const TASK_INSTANCE_MOVES: Record<TaskInstanceState, readonly TaskInstanceState[]> = {
  none: ['scheduled', 'skipped', 'upstream_failed', 'removed', 'success', 'failed'],
  scheduled: ['queued', 'none', 'failed', 'skipped', 'success', 'removed', 'restarting'],
  queued: ['running', 'scheduled', 'up_for_retry', 'failed', 'none', 'skipped', 'success', 'removed', 'restarting'],
  running: ['success', 'failed', 'skipped', 'up_for_retry', 'up_for_reschedule', 'deferred', 'restarting', 'none'],
  up_for_retry: ['scheduled', 'none', 'success', 'failed', 'skipped', 'removed', 'restarting'],
  up_for_reschedule: ['scheduled', 'none', 'success', 'failed', 'skipped', 'removed', 'restarting'],
  deferred: ['scheduled', 'none', 'success', 'failed', 'skipped', 'removed', 'restarting'],
  restarting: ['none', 'up_for_retry', 'success', 'failed', 'skipped', 'removed'],
  success: ['none', 'restarting', 'failed', 'skipped', 'removed'],
  failed: ['none', 'restarting', 'success', 'skipped', 'removed'],
  upstream_failed: ['none', 'restarting', 'success', 'failed', 'skipped', 'removed'],
  skipped: ['none', 'restarting', 'success', 'failed', 'removed'],
  removed: ['none', 'restarting', 'success', 'failed', 'skipped'],
}

/** True when `to` may follow `from`. */
export function isLegalTaskInstanceMove(from: TaskInstanceState, to: TaskInstanceState): boolean {
  return TASK_INSTANCE_MOVES[from].includes(to)
}

/** Every state of a Dag run. */
export const DAG_RUN_STATES = ['queued', 'running', 'success', 'failed'] as const

/** One of {@link DAG_RUN_STATES}. */
export type DagRunState = (typeof DAG_RUN_STATES)[number]

/** Every legal move of a Dag run. A finished run is queued again by a clear, or marked as finished otherwise. */
export const DAG_RUN_MOVES: Record<DagRunState, readonly DagRunState[]> = {
  queued: ['running', 'failed', 'success'],
  running: ['success', 'failed', 'queued'],
  success: ['queued', 'failed'],
  failed: ['queued', 'success'],
}

/** True when a Dag run has ended. */
export function isTerminalDagRun(state: DagRunState): boolean {
  return state === 'success' || state === 'failed'
}
