import { z } from 'zod'
import { clientSettingsShape } from '../shared/client-settings.ts'

/** A name that is given a text, or null to leave out what a setting above gives it. */
const textMapSchema = z.record(z.string().min(1), z.string().nullable())

const environmentSchema = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is no name of an environment variable'), z.string().nullable())
  .superRefine((environment, context) => {
    for (const name of Object.keys(environment)) {
      const owner = RESERVED_PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1]
      if (owner !== undefined) context.addIssue({ code: 'custom', path: [name], message: `is reserved for ${owner}` })
    }
  })

const RESERVED_PREFIXES = [
  ['AWS_BATCH', 'AWS Batch'],
  ['FAIRLEAD__', 'Fairlead'],
] as const

const jobShape = {
  /** Name or ARN of the job queue. */
  jobQueue: z.string().min(1).optional(),
  /** `name`, `name:revision` or ARN of the job definition. */
  jobDefinition: z.string().min(1).optional(),
  /** Fractions are for Fargate. */
  vcpus: z.number().positive().nullable().optional(),
  memoryMiB: z.int().positive().nullable().optional(),
  gpus: z.int().positive().nullable().optional(),
  /** Merged by name. */
  env: environmentSchema.optional(),
  /** Values for the placeholders of the job definition; merged by name. */
  parameters: textMapSchema.optional(),
  /** After this long AWS ends the job; at least 60. The task's own `executionTimeout` is kept by its worker. */
  timeoutSeconds: z.int().min(60).nullable().optional(),
  /** For queues with a scheduling policy. */
  shareIdentifier: z
    .string()
    .regex(/^[A-Za-z0-9]{1,255}$/)
    .nullable()
    .optional(),
  schedulingPriority: z.int().min(0).max(9999).nullable().optional(),
  /** Merged by name. */
  tags: textMapSchema.optional(),
  /** Puts the tags onto the ECS task too. */
  propagateTags: z.boolean().optional(),
}

/** What a task may not say, and why. */
const RESERVED: Readonly<Record<string, string>> = {
  jobName: 'By it Fairlead finds its jobs again.',
  command: 'The command is the worker. Set "command" in the settings of the executor if your image needs another.',
  retryStrategy: 'A job runs once; give the task "retries".',
  arrayProperties: 'One task instance is one job.',
  dependsOn: 'What a task waits for is said in its Dag.',
  nodeOverrides: 'Tasks run as jobs of one container.',
  eksPropertiesOverride: 'Tasks run as jobs of one container.',
  ecsPropertiesOverride: 'Tasks run as jobs of one container.',
  containerOverrides: 'Write its parts at the top: "env", "vcpus", "memoryMiB", "gpus".',
}

/** What one task may say of its job. A null takes away what the settings say. */
export const batchTaskConfigSchema = z.unknown().superRefine(refuseReserved).pipe(z.strictObject(jobShape))
/** See {@link batchTaskConfigSchema}. */
export type BatchTaskConfig = z.infer<typeof batchTaskConfigSchema>

/** What the settings may say of jobs beyond what a task may: how the worker is started. */
export const batchProfileSchema = z.strictObject({
  ...jobShape,
  /** Command of the container, where the image's own does not start a worker. */
  command: z.array(z.string().min(1)).min(1).nullable().optional(),
})
/** See {@link batchProfileSchema}. */
export type BatchProfile = z.infer<typeof batchProfileSchema>

/** Settings of an instance. What a task may say, they may say for all; times are in milliseconds. */
export const batchSettingsSchema = batchProfileSchema.extend({
  jobQueue: z.string().min(1),
  jobDefinition: z.string().min(1),
  ...clientSettingsShape,
  /** What is different for tasks of a queue of Fairlead's. With it, a queue that is not in it is refused. */
  queues: z.record(z.string().min(1), batchProfileSchema).optional(),
  /** Where workers reach the API, when it is not where the server says. */
  apiUrl: z.url().optional(),
  /** Where workers send their logs, when that is not the API. */
  logUrl: z.string().min(1).optional(),
  /** How long to wait between two tries after a quota was used up: at random, up to a ceiling that doubles each time. */
  capacityBackoff: z
    .strictObject({ firstMs: z.int().positive().default(30_000), longestMs: z.int().positive().default(600_000) })
    .prefault({}),
  /** Whether `start` asks about queues, job definitions and permissions. */
  checkHealth: z.boolean().default(true),
  poll: z
    .strictObject({
      /** For jobs that have changed lately. */
      shortestMs: z.int().positive().default(2000),
      /** For jobs that have been as they are for long. */
      longestMs: z.int().positive().default(15_000),
    })
    .prefault({}),
  /** How long AWS Batch may say nothing of a job before it counts as lost. */
  missingGraceMs: z.int().min(0).default(60_000),
  /** How long a submit whose answer was lost may need to be seen in a list of jobs. */
  submitSettleMs: z.int().min(0).default(3000),
  /** Log group of jobs whose definition names none. */
  logGroup: z.string().min(1).default('/aws/batch/job'),
})
/** See {@link batchSettingsSchema}. */
export type BatchSettings = z.output<typeof batchSettingsSchema>

function refuseReserved(value: unknown, context: z.RefinementCtx): void {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    const why = RESERVED[key]
    if (why === undefined) continue
    context.addIssue({ code: 'custom', path: [key], message: `"${key}" cannot be set for a task. ${why}`, fatal: true })
  }
}
