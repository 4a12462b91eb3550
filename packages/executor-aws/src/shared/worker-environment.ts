import type { Workload } from '@fairlead/protocol'
import { dispatchIdOf } from '@fairlead/protocol'

/** By what a worker finds its workload: nothing else of it travels through the outside. */
export interface WorkerReference {
  /** Where the worker reaches the API. */
  readonly apiUrl: string
  /** Where it sends its log, when that is not the API. */
  readonly logUrl?: string | undefined
}

/**
 * The environment of a remote worker. The launch ticket is the only credential that may be seen outside: it is worthless
 * once it was redeemed or superseded.
 */
export function workerEnvironment(
  workload: Workload,
  { apiUrl, logUrl }: WorkerReference,
): Readonly<Record<string, string>> {
  return {
    FAIRLEAD__WORKER__API_URL: apiUrl,
    FAIRLEAD__WORKER__DISPATCH_ID: dispatchIdOf(workload),
    FAIRLEAD__WORKER__TICKET: workload.token,
    ...(logUrl === undefined ? {} : { FAIRLEAD__WORKER__LOG_URL: logUrl }),
  }
}

/** What a task may not set itself: it would no longer be this workload's. */
export const RESERVED_ENVIRONMENT: readonly string[] = [
  'FAIRLEAD__WORKER__API_URL',
  'FAIRLEAD__WORKER__DISPATCH_ID',
  'FAIRLEAD__WORKER__TICKET',
  'FAIRLEAD__WORKER__LOG_URL',
]
