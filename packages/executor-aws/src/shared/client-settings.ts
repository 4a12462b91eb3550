import { z } from 'zod'

/** Settings by which every client of an instance is made; spread into the schema of each executor's settings. */
export const clientSettingsShape = {
  /** Where; the chain of the SDK decides where it is not given. */
  region: z.string().min(1).optional(),
  /** Profile of the shared configuration files, for credentials and region. */
  profile: z.string().min(1).optional(),
  /** Another address of the services, for endpoints in one's own network and for tests. */
  endpoint: z.url().optional(),
  /** Role to be taken with the credentials of the chain. */
  assumeRoleArn: z.string().startsWith('arn:').optional(),
  assumeRoleExternalId: z.string().min(2).optional(),
  connectTimeoutMs: z.int().positive().default(3000),
  /** How long one call may take before its outcome counts as unknown. */
  requestTimeoutMs: z.int().positive().default(20_000),
}

const clientSettingsSchema = z.object(clientSettingsShape)

/** See {@link clientSettingsShape}. */
export type ClientSettings = z.output<typeof clientSettingsSchema>
