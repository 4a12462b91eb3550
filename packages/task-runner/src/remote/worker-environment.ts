import { dispatchIdSchema, WORKER_ENVIRONMENT } from '@fairlead/protocol'
import { z } from 'zod'
import type { ReferenceOptions } from './run-reference.ts'

/** What an environment tells a worker. */
export type WorkerEnvironment =
  | { readonly kind: 'told'; readonly options: Omit<ReferenceOptions, 'childPath' | 'signal' | 'output'> }
  | { readonly kind: 'invalid'; readonly detail: string }

const OWN = {
  folder: 'FAIRLEAD__WORKER__FOLDER',
  launchTimeout: 'FAIRLEAD__WORKER__LAUNCH_TIMEOUT',
  killGrace: 'FAIRLEAD__WORKER__KILL_GRACE',
} as const

/** Reads what the executor says of the workload, and what the image or the machine says of the worker. */
export function parseWorkerEnvironment(environment: NodeJS.ProcessEnv): WorkerEnvironment {
  const values = Object.fromEntries(
    Object.entries({ ...WORKER_ENVIRONMENT, ...OWN }).map(([key, name]) => [key, environment[name] || undefined]),
  )
  const parsed = schema.safeParse(values)
  if (parsed.success) {
    const { launchTimeout, killGrace, ...told } = parsed.data
    return { kind: 'told', options: { ...told, launchBudgetMs: launchTimeout, killGraceMs: killGrace } }
  }
  const [issue] = parsed.error.issues
  const key = String(issue?.path[0] ?? '') as keyof typeof NAMES
  return { kind: 'invalid', detail: `the environment variable ${NAMES[key]} ${issue?.message ?? 'is wrong'}` }
}

const NAMES = { ...WORKER_ENVIRONMENT, ...OWN }

const seconds = z.coerce
  .number('must be a number of seconds')
  .min(0, 'must be a number of seconds')
  .transform((value) => value * 1000)
  .optional()

const schema = z.object({
  apiUrl: z.string('is missing: it is the address of the API'),
  dispatchId: z
    .string('is missing: it names the workload')
    .refine((text) => dispatchIdSchema.safeParse(text).success, 'is no dispatch id'),
  ticket: z.string('is missing: it is the launch ticket of the workload'),
  logUrl: z.string().optional(),
  folder: z.string().optional(),
  launchTimeout: seconds,
  killGrace: seconds,
})
