import { z } from 'zod'
import { RESERVED_ENVIRONMENT } from '../shared/worker-environment.ts'

/**
 * What may be said of an ECS task, at three layers: the instance's settings, the profile of a queue, and a task's
 * `executorConfig`. Each lies over the one before; `null` takes away what a layer below says.
 */

const name = z.string().min(1)
const amount = z.union([z.string().min(1), z.number().positive().transform(String)])

const environment = z
  .record(z.string().min(1), z.string().nullable())
  .refine((variables) => !Object.keys(variables).some((key) => RESERVED_ENVIRONMENT.includes(key)), {
    message: `${RESERVED_ENVIRONMENT.join(', ')} are Fairlead's own: by them the worker finds its workload.`,
  })

const containerSchema = z.strictObject({
  name,
  env: environment.nullish(),
  environmentFiles: z.array(z.strictObject({ value: z.string().startsWith('arn:'), type: z.literal('s3') })).nullish(),
  cpu: z.int().nonnegative().nullish(),
  memory: z.int().positive().nullish(),
  memoryReservation: z.int().positive().nullish(),
  resourceRequirements: z
    .array(z.strictObject({ type: z.enum(['GPU', 'InferenceAccelerator']), value: name }))
    .nullish(),
})

/** The keys of a layer. */
export const optionsShape = {
  cluster: name.nullish(),
  /** Family, `family:revision` or ARN. */
  taskDefinition: name.nullish(),
  /** The container of the task definition that runs the worker. */
  containerName: name.nullish(),
  launchType: z.enum(['EC2', 'FARGATE', 'EXTERNAL', 'MANAGED_INSTANCES']).nullish(),
  capacityProviderStrategy: z
    .array(
      z.strictObject({
        capacityProvider: name,
        weight: z.int().min(0).max(1000).optional(),
        base: z.int().min(0).max(100_000).optional(),
      }),
    )
    .min(1)
    .max(20)
    .nullish(),
  /** Fargate alone. */
  platformVersion: name.nullish(),
  network: z
    .strictObject({
      subnets: z.array(name).min(1).max(16).nullish(),
      securityGroups: z.array(name).max(5).nullish(),
      assignPublicIp: z.boolean().nullish(),
    })
    .nullish(),
  cpu: amount.nullish(),
  memory: amount.nullish(),
  ephemeralStorageGiB: z.int().min(20).max(200).nullish(),
  taskRoleArn: name.nullish(),
  executionRoleArn: name.nullish(),
  /** Of the worker's container. */
  env: environment.nullish(),
  containers: z.array(containerSchema).nullish(),
  placementConstraints: z
    .array(z.strictObject({ type: z.enum(['distinctInstance', 'memberOf']), expression: name.optional() }))
    .max(10)
    .nullish(),
  placementStrategy: z
    .array(z.strictObject({ type: z.enum(['random', 'spread', 'binpack']), field: name.optional() }))
    .max(5)
    .nullish(),
  group: name.nullish(),
  tags: z.record(z.string().min(1).max(128), z.string().max(256).nullable()).nullish(),
  propagateTags: z.enum(['TASK_DEFINITION', 'NONE']).nullish(),
  enableECSManagedTags: z.boolean().nullish(),
  enableExecuteCommand: z.boolean().nullish(),
}

/** What a task may not say, and why. */
const RESERVED: Readonly<Record<string, string>> = {
  count: 'One task instance is one ECS task.',
  startedBy: 'By it Fairlead finds its tasks again.',
  clientToken: 'By it one hand-over starts one ECS task, however often it is repeated.',
  referenceId: 'It is not used.',
  command: 'The command is the worker. Set "command" in the settings of the executor if your image needs another.',
  overrides: 'Write its parts at the top: "cpu", "memory", "env", "containers", "taskRoleArn".',
}

/** Schema of a task's `executorConfig`. */
export const taskOptionsSchema = z
  .unknown()
  .superRefine(refuseReserved)
  .pipe(z.strictObject(optionsShape).superRefine(refuseBothLaunches))

/** Schema of the profile of a queue. */
export const profileSchema = z.strictObject(optionsShape).superRefine(refuseBothLaunches)

/** One layer, as it was written. */
export type EcsOptions = z.output<typeof profileSchema>

/** Launch type and capacity providers are two answers to one question; ECS refuses both at once. */
export function refuseBothLaunches(options: Partial<EcsOptions>, context: z.RefinementCtx): void {
  if (!options.launchType || !options.capacityProviderStrategy) return
  context.addIssue({
    code: 'custom',
    path: ['capacityProviderStrategy'],
    message: 'Say either "launchType" or "capacityProviderStrategy", not both.',
  })
}

function refuseReserved(value: unknown, context: z.RefinementCtx): void {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    const why = RESERVED[key]
    if (why === undefined) continue
    context.addIssue({ code: 'custom', path: [key], message: `"${key}" cannot be set for a task. ${why}`, fatal: true })
  }
}
