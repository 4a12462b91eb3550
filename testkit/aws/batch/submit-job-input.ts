import { z } from 'zod'

const keyValues = z.array(z.looseObject({ name: z.string(), value: z.string().optional() }))

/** The input of SubmitJob. */
export const submitJobInput = z.looseObject({
  jobName: z.string(),
  jobQueue: z.string(),
  jobDefinition: z.string(),
  parameters: z.record(z.string(), z.string()).optional(),
  dependsOn: z.array(z.object({ jobId: z.string().optional(), type: z.string().optional() })).optional(),
  containerOverrides: z
    .looseObject({
      command: z.array(z.string()).optional(),
      environment: keyValues.optional(),
      resourceRequirements: z.array(z.object({ type: z.string(), value: z.string() })).optional(),
    })
    .optional(),
  retryStrategy: z
    .looseObject({
      attempts: z.int().optional(),
      evaluateOnExit: z
        .array(
          z.object({
            onExitCode: z.string().optional(),
            onReason: z.string().optional(),
            onStatusReason: z.string().optional(),
            action: z.string(),
          }),
        )
        .optional(),
    })
    .optional(),
  timeout: z.object({ attemptDurationSeconds: z.int().optional() }).optional(),
  shareIdentifier: z.string().optional(),
  schedulingPriorityOverride: z.int().optional(),
  propagateTags: z.boolean().optional(),
  tags: z.record(z.string(), z.string()).optional(),
})

/** The input of SubmitJob, parsed. */
export type SubmitJobInput = z.output<typeof submitJobInput>
