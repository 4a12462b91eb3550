import type { StandardSchema } from './standard-schema.ts'

/**
 * Facts of an executor class that core reads without an instance, before anything runs: when configuration is loaded,
 * when a Dag is parsed, when a command or a page is looked up. They never change while the process lives. A fact that is
 * not true is found out at run time, as the failure of the task that relied on it.
 */
export interface ExecutorCapabilities {
  /** It takes workloads of type `ExecuteCallback`. Where false they are refused by name, and never queued. */
  readonly supportsCallbacks: boolean
  /** A single task may be run on it outside any run (`tasks run`). */
  readonly supportsAdHocTiRun: boolean
  /** Workloads run on the scheduler's machine: they reach the API by its Unix socket. */
  readonly isLocal: boolean
  /** One workload at a time: its parallelism is 1, whatever is configured. */
  readonly isSingleThreaded: boolean
  /** False for one that is for finding faults; the server says so in a warning when it starts. */
  readonly isProduction: boolean
  /** Its workers write their logs into the server's log folder, from where the API serves them, live too. */
  readonly servesLogs: boolean
  /** It takes the dispatch id as its external id, which is then known before the launch is answered. */
  readonly preAssignsExternalExecutorId: boolean
  /**
   * Its workers tell Sentry of failures, where that is configured: `@sentry/node` for the SDK alone, or `module#export` of
   * a function that makes an integration to add to it. Travels in each workload. Null where they do not.
   */
  readonly sentryIntegration: string | null
  /** Sensors on it give their slot back between two pokes. */
  readonly changeSensorModeToReschedule: boolean
  /** It finds and watches work again that another instance of it began. */
  readonly supportsAdoption?: boolean
  /** Its `revokeTask` ends work that runs, and confirms it. */
  readonly supportsCancel?: boolean
  /** Its `getTaskLog` streams the log of work that runs. */
  readonly servesLiveLogs?: boolean
  /** The longest that one workload may run, in milliseconds; null where there is no limit. */
  readonly maxRuntimeMs?: number | null
  /** The largest workload that it can pass on, in bytes of JSON; null where there is no limit. */
  readonly maxPayloadBytes?: number | null
  /** Schema of the instance's settings, or null for any. Refused settings keep the server from starting. */
  readonly configSchema: StandardSchema | null
  /** Schema of a task's `executorConfig`, or null when it takes none. A Dag whose value it refuses is not imported. */
  readonly executorConfigSchema: StandardSchema | null
}

/** The facts of a class that says nothing: it cannot. */
export const DEFAULT_CAPABILITIES: Required<ExecutorCapabilities> = {
  supportsCallbacks: false,
  supportsAdHocTiRun: false,
  isLocal: false,
  isSingleThreaded: false,
  isProduction: true,
  servesLogs: false,
  preAssignsExternalExecutorId: false,
  sentryIntegration: null,
  changeSensorModeToReschedule: false,
  supportsAdoption: false,
  supportsCancel: false,
  servesLiveLogs: false,
  maxRuntimeMs: null,
  maxPayloadBytes: null,
  configSchema: null,
  executorConfigSchema: null,
}

/** Every fact of a class, with the default for those that it, or the release it was built with, does not know. */
export function capabilitiesOf(executorClass: Partial<ExecutorCapabilities>): Required<ExecutorCapabilities> {
  const stated = Object.keys(DEFAULT_CAPABILITIES).flatMap((name) => {
    const value: unknown = Reflect.get(executorClass, name)
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...DEFAULT_CAPABILITIES, ...Object.fromEntries(stated) }
}
