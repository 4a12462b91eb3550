import { availableParallelism } from 'node:os'
import { z } from 'zod'

/** Settings of a LocalExecutor, and of a DebugExecutor where they apply. Times are in milliseconds. */
export const localSettingsSchema = z.strictObject({
  /** Processes started ahead; twice as many while many tasks start. Default: one for each core, and at least two. */
  spares: z
    .int()
    .min(0)
    .default(() => Math.max(2, availableParallelism())),
  /** Without a new task for this long, no processes are kept ready. */
  sparesIdleMs: z.int().min(0).default(300_000),
  /** How often the server hears that a task lives. */
  heartbeatIntervalMs: z.int().positive().default(5_000),
  /** How long tasks go on without a server. */
  detachedGraceMs: z.int().min(0).default(300_000),
  /** From SIGTERM to SIGKILL. */
  killGraceMs: z.int().min(0).default(5_000),
  /** How long a task waits to begin for a server that does not answer. */
  launchBudgetMs: z.int().min(0).default(60_000),
  /** How long an outcome is offered to a server that does not answer: the server's lease and a grace. */
  settleBudgetMs: z.int().min(0).default(330_000),
  /** How long the server believes in a task whose heartbeats it refuses. */
  leaseMs: z.int().min(0).default(300_000),
  /** How long a task's process may live after it reported its outcome. */
  overtimeMs: z.int().min(0).default(20_000),
  /** How long silent pipes that a process outside the task's group holds open are waited for. */
  drainMs: z.int().min(0).default(2_000),
  /** A worker host that does not answer for this long is killed and replaced. */
  hostTimeoutMs: z.int().positive().default(30_000),
  /**
   * `spawned`: the executor starts its worker host where none runs. `provided`: it only attaches to one that
   * `fairlead worker-host` runs, and never ends it.
   */
  workerHost: z.enum(['spawned', 'provided']).default('spawned'),
  /** Where the compiled child is, when it is not this installation's own. */
  childPath: z.string().optional(),
  /** Where the compiled worker host is, when it is not this installation's own. */
  workerHostPath: z.string().optional(),
})
/** See {@link localSettingsSchema}. */
export type LocalSettings = z.infer<typeof localSettingsSchema>
