import { z } from 'zod'
import { executeTaskSchema } from './workloads.ts'

/**
 * Payload by reference: a worker elsewhere is told a dispatch id and a launch ticket, and fetches the rest from the Task
 * Execution API. Airflow has none of these routes.
 */

/** `GET /execution/workloads/{dispatch_id}`, response: what the worker runs, and what it must know of the server. */
export const remoteWorkloadSchema = z.object({
  /** As the dispatcher hands it over, without the ticket, which the worker has. */
  workload: executeTaskSchema.omit({ token: true }),
  /** How long a task may be silent before it counts as lost. */
  heartbeatTimeoutMs: z.int().positive(),
  /** How much of its log the server keeps. */
  logLimitBytes: z.int().min(0),
})
/** See {@link remoteWorkloadSchema}. */
export type RemoteWorkload = z.infer<typeof remoteWorkloadSchema>

/** One file of a bundle: its path inside, with forward slashes. */
export const bundleFileSchema = z.object({
  path: z.string(),
  size: z.int().min(0),
  /** SHA-256 of its content, in lower-case hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
/** See {@link bundleFileSchema}. */
export type BundleFile = z.infer<typeof bundleFileSchema>

/** `GET /execution/bundles/{hash}`, response. Each file is at `/execution/bundles/{hash}/files/{path}`. */
export const bundleManifestSchema = z.object({ hash: z.string(), files: z.array(bundleFileSchema) })
/** See {@link bundleManifestSchema}. */
export type BundleManifest = z.infer<typeof bundleManifestSchema>

/** `PUT /execution/task-instances/{id}/log?offset=`, response: how much of the worker's log the server has. */
export const logReceiptSchema = z.object({ size: z.int().min(0) })
/** See {@link logReceiptSchema}. */
export type LogReceipt = z.infer<typeof logReceiptSchema>

/** Names of the environment by which an executor tells a worker elsewhere what to run. */
export const WORKER_ENVIRONMENT = {
  apiUrl: 'FAIRLEAD__WORKER__API_URL',
  dispatchId: 'FAIRLEAD__WORKER__DISPATCH_ID',
  ticket: 'FAIRLEAD__WORKER__TICKET',
  /** Where the log goes when it does not go to the API. */
  logUrl: 'FAIRLEAD__WORKER__LOG_URL',
} as const

/** How `fairlead-worker` ends, beside 0 for success and 1 for a failure that was reported. */
export const WORKER_EXIT_CODES = {
  succeeded: 0,
  failed: 1,
  /** The ticket was refused, or something was missing: nothing of the user's ran. */
  neverStarted: 64,
  /** The API could not be reached: nothing of the user's ran. */
  unreachable: 65,
  /** The task ended, and the API could not be told. */
  untold: 70,
  /** The worker was told to stop, ended the task, and said so. */
  stopped: 143,
} as const

/** The package that reads and writes logs in S3; whoever keeps them there installs it. */
export const S3_SDK = '@aws-sdk/client-s3'

/** Where in S3 logs are: `s3://bucket` or `s3://bucket/prefix`. Null for any other address. */
export function s3PlaceOf(url: string): { readonly bucket: string; keyOf(logPath: string): string } | null {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)(\/.*)?$/.exec(url) ?? []
  if (bucket === undefined) return null
  const prefix = path.replaceAll(/^\/+|\/+$/g, '')
  return { bucket, keyOf: (logPath) => (prefix === '' ? logPath : `${prefix}/${logPath}`) }
}
