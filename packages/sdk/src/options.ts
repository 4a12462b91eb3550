import type { ExecutorFallback, WeightRule } from '@fairlead/protocol'
import type { ExecutorNeed, TRIGGER_RULES } from '@fairlead/protocol/constants'
import type { Duration } from './duration.ts'
import type { JsonValue } from './json.ts'
import type { ExecutorChoice, ExecutorNames } from './register.ts'

/** One of Airflow's trigger rules. */
export type TriggerRule = (typeof TRIGGER_RULES)[number]

/** When runs are created: a cron expression (UTC), one with a time zone, a preset, or null for by hand alone. */
export type ScheduleOption =
  | string
  | { readonly cron: string; readonly timezone?: string; readonly dataIntervals?: boolean }
  | { readonly every: Duration; readonly dataIntervals?: boolean }
  | Duration
  | null

/** How one task runs. */
export type TaskOptions = CommonTaskOptions & ExecutorChoice

interface CommonTaskOptions {
  /** Which states of the upstream tasks let this one run. Default `'all_success'`. */
  readonly triggerRule?: TriggerRule
  /** How many tries follow the first. Default 0. */
  readonly retries?: number
  /** Wait before the first retry. Default `{ minutes: 5 }`. */
  readonly retryDelay?: Duration
  /** Factor by which each further wait grows. Default 1. */
  readonly retryBackoff?: number
  /** The longest wait. Default `{ days: 1 }`. */
  readonly maxRetryDelay?: Duration
  /** Share of each wait that is spread at random, 0 to 1. Default 0. */
  readonly retryJitter?: number
  /** False for an error that no retry can help. It runs in the task's own process. */
  readonly retryWhen?: (error: unknown) => boolean
  /** The longest a try may run. Default: no limit. */
  readonly executionTimeout?: Duration
  /** Higher goes first. Default 1. */
  readonly priorityWeight?: number
  /** Whose weights are added to its own: of all tasks downstream (the default), upstream, or of none (`'absolute'`). */
  readonly weightRule?: WeightRule
  /** The pool whose slots it takes while it is queued or running. Default `'default_pool'`. */
  readonly pool?: string
  /** How many of them. Default 1. */
  readonly poolSlots?: number
  /** Task instances of this task that may be active at once, over all runs of the Dag. Default: no limit. */
  readonly maxActiveTisPerDag?: number
  /** The same within one run. Default: no limit. */
  readonly maxActiveTisPerDagrun?: number
  /** Queue within the executor. Default `'default'`. */
  readonly queue?: string
  /** When the next of a list of executors is tried: while one takes no work (`'unavailable'`, the default), or is `'full'` too. */
  readonly executorFallback?: ExecutorFallback
  /**
   * What its executor must be able to do: watch the task again after a scheduler's death, stop it, show its log while it
   * runs, or run its callbacks. A Dag whose executor cannot is not imported.
   */
  readonly needs?: readonly ExecutorNeed[]
  /** True for a task that prepares what others need; `all_done_setup_success` looks at it. */
  readonly setup?: boolean
}

/** How a shell task runs. */
export type ShellOptions = Omit<CommonTaskOptions, 'retryWhen'> & ExecutorChoice & CommandOptions

interface CommandOptions {
  /** Added to the environment of the command. */
  readonly env?: Readonly<Record<string, string>>
  /** Working directory. Default: the one that the worker gives its tasks. */
  readonly cwd?: string
  /** Exit code that skips the task instead of failing it, or null for none. Default 99. */
  readonly skipOnExitCode?: number | null
}

/** What a whole Dag shares. */
export interface DagOptions {
  readonly description?: string
  /** Default null: runs are created by hand. */
  readonly schedule?: ScheduleOption
  /** First moment that a scheduled run may cover, as a Date or ISO 8601 with an offset. */
  readonly startDate?: Date | string
  readonly endDate?: Date | string
  /** True to create the runs that were missed. Default false. */
  readonly catchup?: boolean
  /** Runs of this Dag that may be running at once. Default: `core.max_active_runs_per_dag`. */
  readonly maxActiveRuns?: number
  /** Tasks of this Dag that may run at once in each run. Default: `core.max_active_tasks_per_dag`. */
  readonly maxActiveTasks?: number
  readonly tags?: readonly string[]
  readonly isPausedUponCreation?: boolean
  /** Where its tasks run, unless they say so themselves; a list is tried in turn. */
  readonly executor?: ExecutorNames
  /** When the next of a list is tried. Default `'unavailable'`. */
  readonly executorFallback?: ExecutorFallback
  /** Options of every task that does not set them itself (Airflow's `default_args`). */
  readonly defaultArgs?: TaskOptions
}

/** A task's handler: one object of named arguments in, a value that JSON can hold out. */
export type Handler<Input, Output> = (input: Input) => Output

/** A literal argument of a placed task. */
export type Literals = Readonly<Record<string, JsonValue>>
