import { z } from 'zod'
import { clientSettingsShape } from '../shared/client-settings.ts'

/** What one task may say of the function that runs it. */
export const lambdaTaskConfigSchema = z.strictObject({
  /** Name, ARN, or either with `:alias` or `:version`. */
  functionName: z.string().min(1).max(170).optional(),
  /** Alias or version, where the name holds none. A null takes away what the settings say. */
  qualifier: z.string().min(1).max(128).nullable().optional(),
})
/** See {@link lambdaTaskConfigSchema}. */
export type LambdaTaskConfig = z.infer<typeof lambdaTaskConfigSchema>

/** Settings of an instance. Times are in milliseconds where they do not say otherwise. */
export const lambdaSettingsSchema = lambdaTaskConfigSchema.extend({
  functionName: z.string().min(1).max(170),
  ...clientSettingsShape,
  /** Which function runs the tasks of a queue of Fairlead's. With it, a queue that is not in it is refused. */
  queues: z.record(z.string().min(1), lambdaTaskConfigSchema).optional(),
  /** Where workers reach the API, when it is not where the server says. */
  apiUrl: z.url().optional(),
  /** Where workers send their logs, when that is not the API. */
  logUrl: z.string().min(1).optional(),
  /**
   * URL of an SQS queue of this executor alone, to which the handler tells the end of each invocation. Without it an end is
   * known by dead letters, and otherwise at the deadline alone, until which a task holds its slot.
   */
  resultQueueUrl: z.url().optional(),
  /** URL of an SQS queue for what Lambda could not run, where that is not the one of results. */
  deadLetterQueueUrl: z.url().optional(),
  /** How long one receive waits for a message. */
  longPollSeconds: z.int().min(0).max(20).default(20),
  /** How long to wait between two tries after a quota was used up: at random, up to a ceiling that doubles each time. */
  capacityBackoff: z
    .strictObject({ firstMs: z.int().positive().default(30_000), longestMs: z.int().positive().default(600_000) })
    .prefault({}),
  /** Whether `start` asks about functions, queues and permissions. */
  checkHealth: z.boolean().default(true),
  /** How long an event may lie in Lambda's queue at most, for the health check. */
  longestEventAgeSeconds: z.int().min(60).max(21_600).default(21_600),
  /** How long after the last moment at which an invocation can have ended it counts as lost. */
  deadlineSlackMs: z.int().min(0).default(60_000),
})
/** See {@link lambdaSettingsSchema}. */
export type LambdaSettings = z.output<typeof lambdaSettingsSchema>

/** Lambda runs nothing for longer. */
export const LONGEST_RUNTIME_MS = 15 * 60 * 1000
