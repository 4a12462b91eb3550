import { z } from 'zod'
import { clientSettingsShape } from '../shared/client-settings.ts'
import { optionsShape, profileSchema, refuseBothLaunches } from './options.ts'

const name = z.string().min(1)
const milliseconds = z.int().positive()

/** What configuration says of one instance. */
export const settingsSchema = z
  .strictObject({
    ...clientSettingsShape,
    ...optionsShape,
    cluster: name,
    taskDefinition: name,
    containerName: name.default('worker'),
    /** Instead of what the image and the task definition say. */
    command: z.array(name).min(1).optional(),
    /** Where the tasks of each queue go, over what is said here. A queue that is not named is refused. */
    queues: z.record(name, profileSchema).optional(),
    /** Where workers reach the API, when it is not where the server thinks it is. */
    apiUrl: z.url().optional(),
    /** Where workers send their logs, when it is not the API. */
    logUrl: z.url().optional(),
    /** Whether `start` asks about cluster, task definition, container and permissions. */
    checkHealth: z.boolean().default(true),
    /** How long a task may wait for room; null for as long as it takes. */
    capacityTimeoutMs: milliseconds.nullable().default(3_600_000),
    /** How long to wait between two tries to find room: at random, up to a ceiling that doubles each time. */
    capacityBackoff: z
      .strictObject({ firstMs: milliseconds.default(30_000), longestMs: milliseconds.default(600_000) })
      .prefault({}),
    /** How long a task may take from RunTask to its worker's first word; null for as long as it takes. */
    startTimeoutMs: milliseconds.nullable().default(1_800_000),
    /** How long ECS may not know a task before it counts as lost: it forgets some for a moment after RunTask. */
    missingGraceMs: milliseconds.default(60_000),
    /** How long a stopped task may lack its exit code. */
    unclearGraceMs: milliseconds.default(15_000),
    poll: z
      .strictObject({
        /** For tasks that start, stop, or are young. */
        shortestMs: milliseconds.default(2000),
        /** For tasks that have run for long. */
        longestMs: milliseconds.default(30_000),
      })
      .prefault({}),
    /** Queue to which EventBridge sends "ECS Task State Change"; polling then only makes up for what gets lost. */
    events: z
      .strictObject({
        queueUrl: z.url(),
        /** How often tasks are asked about all the same. */
        reconcileMs: milliseconds.default(60_000),
      })
      .optional(),
    /** Where the log of the worker's container is, when the task definition does not say it. */
    logs: z.strictObject({ group: name, streamPrefix: name, region: name.optional() }).optional(),
  })
  .superRefine(refuseBothLaunches)

/** See {@link settingsSchema}. */
export type EcsSettings = z.output<typeof settingsSchema>
