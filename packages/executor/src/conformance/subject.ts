import type { ExecuteTask } from '@fairlead/protocol'
import type { Executor } from '../executor.ts'
import type { WorkerMount } from './laboratory.ts'

/** The executor under trial: what configuration would say of it, and the hooks of its author. */
export interface Subject {
  readonly executorClass: unknown
  readonly settings?: Readonly<Record<string, unknown>>
  /** Name of the instance; default `under-trial`. */
  readonly name?: string
  /** A valid `executorConfig` for its tasks; default null. */
  readonly executorConfig?: unknown
  readonly hooks?: ConformanceHooks
}

/** Undoes what a hook did. */
export type Undo = () => Promise<void>

/**
 * What the kit cannot do by itself, because it happens outside of the executor. Each is optional: what needs a missing
 * one is not run, and never counts as passed.
 */
export interface ConformanceHooks {
  /** Starts what the executor needs beside itself, for example workers that pull. Called once it has started. */
  surround?(place: TrialPlace): Promise<Undo>
  /** Lets go of everything as the death of its process would: nothing outside is stopped or told. */
  crash?(executor: Executor): Promise<void>
  /** True while a process of this workload lives outside. Needed where workers run on another machine. */
  isAlive?(workload: ExecuteTask): Promise<boolean>
  /** Kills the process of a running workload from outside. Needed where workers run on another machine. */
  kill?(workload: ExecuteTask): Promise<void>
  /** Removes a running workload from the outside without a trace. */
  vanish?(workload: ExecuteTask): Promise<void>
  /** The outside answers nothing at all, until undone. */
  outage?(): Promise<Undo>
  /** The outside throttles, until undone. */
  throttle?(): Promise<Undo>
  /** The outside has no capacity, until undone. */
  exhaust?(): Promise<Undo>
  /** The executor's credentials for the outside have expired, until undone. */
  expireCredentials?(): Promise<Undo>
  /** The outside refuses every submit for good, with this text, until undone. */
  refuse?(text: string): Promise<Undo>
  /** The outside takes the next submit, and its answer is lost. */
  loseAnswer?(): Promise<void>
  /** Everything that the outside shows of its work: descriptions, command lines, environments. */
  describe?(): Promise<string>
}

/** Where a trial takes place. */
export interface TrialPlace {
  readonly executor: Executor
  readonly apiUrl: string
  readonly mount: WorkerMount
  readonly bundleFolder: string
  readonly logFolder: string
}

/**
 * A class may bring its hooks along, so that `fairlead executors check` finds them: a static member of this name,
 * called only by the kit.
 */
export interface BringsHooks {
  getConformanceHooks(): Promise<ConformanceHooks>
}
