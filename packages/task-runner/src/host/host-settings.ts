import { z } from 'zod'

/** What a worker host is started with. It comes on its command line, so it holds no secret. */
export const workerHostSettingsSchema = z.object({
  apiUrl: z.string(),
  runFolder: z.string(),
  socketPath: z.string(),
  logFolder: z.string(),
  bundleFolder: z.string(),
  /** Path of the compiled runner, `child.cjs`. */
  childPath: z.string(),
  /** Path of certificates that tasks trust beside Node's own, or null. */
  extraCaCertificates: z.string().nullable(),
  /** Processes started ahead; twice as many while many tasks start. */
  spares: z.int().min(0),
  /** Without a new task for this long, no processes are kept ready. */
  sparesIdleMs: z.int().min(0),
  heartbeatIntervalMs: z.int().positive(),
  /** How long work goes on without a server. */
  detachedGraceMs: z.int().min(0),
  /** True for a host that nobody but its keeper ends: it does not count how long it has had no server. */
  isKept: z.boolean(),
  /** The pid of a host of this folder that its executor has given up, and that is killed; null for none. */
  replaces: z.int().nullable(),
  killGraceMs: z.int().min(0),
  launchBudgetMs: z.int().min(0),
  settleBudgetMs: z.int().min(0),
  leaseMs: z.int().min(0),
  overtimeMs: z.int().min(0),
  drainMs: z.int().min(0),
})
/** See {@link workerHostSettingsSchema}. */
export type WorkerHostSettings = z.infer<typeof workerHostSettingsSchema>
