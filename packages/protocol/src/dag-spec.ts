import { z } from 'zod'
import { isolationSchema, taskInputSchema, taskProgramSchema } from './workloads.ts'
import { EXECUTOR_NEEDS } from './executor-needs.ts'
import { DEFAULT_POOL, EXECUTOR_FALLBACKS, WEIGHT_RULES } from './limits.ts'
import { TRIGGER_RULES } from './trigger-rules.ts'

/** A Dag as data: what parsing a Dag file yields and what the scheduler works from. It holds no code. */

/** How long to wait before the next try. */
export const retryPolicySchema = z.object({
  /** How many tries follow the first one. */
  retries: z.int().min(0),
  /** Delay before the first retry, in milliseconds. */
  delayMs: z.int().min(0),
  /** Factor by which each further delay grows; 1 keeps it fixed. */
  backoff: z.number().min(1),
  /** Longest delay, in milliseconds. */
  maxDelayMs: z.int().min(0),
  /** Share of the delay that is spread at random, 0 to 1. */
  jitter: z.number().min(0).max(1),
})
/** See {@link retryPolicySchema}. */
export type RetryPolicy = z.infer<typeof retryPolicySchema>

/** What a task may need of its executor, which is checked when its Dag is parsed. */
export const executorNeedSchema = z.enum(EXECUTOR_NEEDS)

/** What a stored Dag of an older build does not say has a default. */
const executorChain = {
  /** Name of the executor, or null for the Dag's chain, or else the first configured one. */
  executor: z.string().nullable(),
  /** Where the task goes, in turn, when that executor cannot take it. */
  fallbackExecutors: z.array(z.string()).default([]),
  /** What counts as not taking it; null for the Dag's rule, or else `unavailable`. */
  executorFallback: z.enum(EXECUTOR_FALLBACKS).nullable().default(null),
}

/** One task of a Dag. */
export const taskSpecSchema = z.object({
  taskId: z.string(),
  program: taskProgramSchema,
  inputs: z.array(taskInputSchema),
  /** Every upstream task id, by input or by order alone. */
  upstream: z.array(z.string()),
  triggerRule: z.enum(TRIGGER_RULES),
  isSetup: z.boolean(),
  retry: retryPolicySchema,
  executionTimeoutMs: z.int().positive().nullable(),
  priorityWeight: z.int(),
  weightRule: z.enum(WEIGHT_RULES).default('downstream'),
  pool: z.string().default(DEFAULT_POOL),
  poolSlots: z.int().positive().default(1),
  /** Task instances of this task that may be active at once, over all runs; null for no limit. */
  maxActiveTisPerDag: z.int().positive().nullable().default(null),
  /** The same within one run. */
  maxActiveTisPerDagrun: z.int().positive().nullable().default(null),
  queue: z.string(),
  ...executorChain,
  executorConfig: z.unknown().optional(),
  /** What its executor must be able to do; absent for nothing. */
  needs: z.array(executorNeedSchema).optional(),
  isolation: isolationSchema.nullable(),
  /** File and line where the author placed the task, for messages. */
  location: z.string().nullable(),
})
/** See {@link taskSpecSchema}. */
export type TaskSpec = z.infer<typeof taskSpecSchema>

/** When runs are created. With `dataIntervals` a run covers the time since the instant before, and is created at its end. */
export const scheduleSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('manual') }),
  z.object({ kind: z.literal('once') }),
  z.object({
    kind: z.literal('cron'),
    expression: z.string(),
    timezone: z.string(),
    dataIntervals: z.boolean().optional(),
  }),
  z.object({ kind: z.literal('delta'), everyMs: z.int().positive(), dataIntervals: z.boolean().optional() }),
])
/** See {@link scheduleSchema}. */
export type Schedule = z.infer<typeof scheduleSchema>

/** One Dag. Tasks are in topological order, ties in the order the author placed them. */
export const dagSpecSchema = z.object({
  dagId: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  schedule: scheduleSchema,
  /** First moment a scheduled run may cover, milliseconds since the epoch, or null for the moment it was first seen. */
  startDate: z.int().nullable(),
  endDate: z.int().nullable(),
  catchup: z.boolean(),
  /** Null for the configured default. */
  maxActiveRuns: z.int().positive().nullable(),
  /** Null for the configured default. */
  maxActiveTasks: z.int().positive().nullable(),
  isPausedUponCreation: z.boolean().nullable(),
  ...executorChain,
  isolation: isolationSchema.nullable(),
  location: z.string().nullable(),
  tasks: z.array(taskSpecSchema),
})
/** See {@link dagSpecSchema}. */
export type DagSpec = z.infer<typeof dagSpecSchema>

/** Longest Dag, task and run id, in UTF-16 code units (Airflow's limit). */
export const MAX_ID_LENGTH = 250
