import { z } from 'zod'

/** What RunTask takes. Members that the double does nothing with are kept, because answers repeat them. */

const environment = z.array(z.looseObject({ name: z.string(), value: z.string() }))

const containerOverride = z.looseObject({
  name: z.string().optional(),
  command: z.array(z.string()).optional(),
  environment: environment.optional(),
  cpu: z.int().optional(),
  memory: z.int().optional(),
})

const overrides = z.looseObject({
  containerOverrides: z.array(containerOverride).optional(),
  cpu: z.string().optional(),
  memory: z.string().optional(),
  taskRoleArn: z.string().optional(),
  executionRoleArn: z.string().optional(),
})

const tags = z.array(z.object({ key: z.string(), value: z.string() }))

/** The input of RunTask. */
export const runTaskInput = z.looseObject({
  taskDefinition: z.string(),
  cluster: z.string().optional(),
  count: z.int().optional(),
  launchType: z.string().optional(),
  capacityProviderStrategy: z
    .array(z.looseObject({ capacityProvider: z.string(), weight: z.int().optional(), base: z.int().optional() }))
    .optional(),
  platformVersion: z.string().optional(),
  networkConfiguration: z
    .looseObject({
      awsvpcConfiguration: z
        .looseObject({
          subnets: z.array(z.string()),
          securityGroups: z.array(z.string()).optional(),
          assignPublicIp: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
  overrides: overrides.optional(),
  group: z.string().optional(),
  placementConstraints: z
    .array(z.looseObject({ type: z.string().optional(), expression: z.string().optional() }))
    .optional(),
  startedBy: z.string().optional(),
  propagateTags: z.string().optional(),
  tags: tags.optional(),
  enableExecuteCommand: z.boolean().optional(),
  clientToken: z.string().optional(),
})

/** The input of RunTask, parsed. */
export type RunTaskInput = z.output<typeof runTaskInput>

/** What a task overrides of its definition. */
export type TaskOverrides = z.output<typeof overrides>
