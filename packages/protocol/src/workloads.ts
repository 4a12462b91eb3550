import { z } from 'zod'
import { callbackIdSchema, dispatchIdSchema, taskInstanceIdSchema, type DispatchId } from './ids.ts'

/**
 * What an executor is asked to run: small JSON documents of identity and location. Never code, never a secret but
 * the launch ticket.
 */

/** Where a Dag's code is: a bundle, the content hash that pins it, and the file's path inside the Dags folder. */
export const bundleRefSchema = z.object({
  name: z.string(),
  /** SHA-256 of the compiled Dag file, its graph, assets and externals; the folder name in the bundle store. */
  hash: z.string(),
  /** Path of the Dag file relative to the bundle's root, for messages and stack traces. */
  file: z.string(),
})
/** See {@link bundleRefSchema}. */
export type BundleRef = z.infer<typeof bundleRefSchema>

/** The task instance of a workload, as executors and workers see it. */
export const taskInstanceRefSchema = z.object({
  id: taskInstanceIdSchema,
  dispatchId: dispatchIdSchema,
  dagId: z.string(),
  runId: z.string(),
  taskId: z.string(),
  mapIndex: z.int(),
  tryNumber: z.int(),
  priorityWeight: z.int(),
  queue: z.string(),
  externalId: z.string().nullable(),
})
/** See {@link taskInstanceRefSchema}. */
export type TaskInstanceRef = z.infer<typeof taskInstanceRefSchema>

/** How isolated a task's process is: a process of its own, or a warm one that is used again. */
export const isolationSchema = z.enum(['process', 'reuse'])
/** See {@link isolationSchema}. */
export type Isolation = z.infer<typeof isolationSchema>

/** What the worker must start: a handler in the bundle, or a shell command that needs no Node process. */
export const taskProgramSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('handler') }),
  z.object({
    kind: z.literal('shell'),
    command: z.string(),
    env: z.record(z.string(), z.string()),
    cwd: z.string().nullable(),
    /** An exit code that skips the task instead of failing it (Airflow's 99), or null for none. */
    skipOnExitCode: z.int().nullable(),
  }),
])
/** See {@link taskProgramSchema}. */
export type TaskProgram = z.infer<typeof taskProgramSchema>

/** A task input: the argument's name, and the upstream task and XCom key it comes from. */
export const taskInputSchema = z.object({ name: z.string(), taskId: z.string(), key: z.string() })
/** See {@link taskInputSchema}. */
export type TaskInput = z.infer<typeof taskInputSchema>

/** Run one task. */
export const executeTaskSchema = z.object({
  type: z.literal('ExecuteTask'),
  taskInstance: taskInstanceRefSchema,
  bundle: bundleRefSchema,
  program: taskProgramSchema,
  inputs: z.array(taskInputSchema),
  executionTimeoutMs: z.int().nullable(),
  isolation: isolationSchema,
  /** Path of the log file, relative to the worker's log folder. */
  logPath: z.string(),
  /** Launch ticket: worthless once redeemed or superseded. The only credential a workload carries. */
  token: z.string(),
  /** What the executor's class says of Sentry: `@sentry/node`, or `module#export` of an integration; null for nothing. */
  sentryIntegration: z.string().nullable().default(null),
})
/** See {@link executeTaskSchema}. */
export type ExecuteTask = z.infer<typeof executeTaskSchema>

/** Run one callback. */
export const executeCallbackSchema = z.object({
  type: z.literal('ExecuteCallback'),
  callbackId: callbackIdSchema,
  dispatchId: dispatchIdSchema,
  bundle: bundleRefSchema,
  priorityWeight: z.int(),
  queue: z.string(),
  logPath: z.string(),
  token: z.string(),
})
/** See {@link executeCallbackSchema}. */
export type ExecuteCallback = z.infer<typeof executeCallbackSchema>

/** Any workload. */
export const workloadSchema = z.discriminatedUnion('type', [executeTaskSchema, executeCallbackSchema])
/** See {@link workloadSchema}. */
export type Workload = z.infer<typeof workloadSchema>

/** The dispatch id of any workload. */
export function dispatchIdOf(workload: Workload): DispatchId {
  return workload.type === 'ExecuteTask' ? workload.taskInstance.dispatchId : workload.dispatchId
}
