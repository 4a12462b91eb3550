import { runnerFiles } from '../runner-files.ts'
import type { RemoteEnd } from './remote-end.ts'
import { runReference, type ReferenceOptions } from './run-reference.ts'

/**
 * Runs the workload of a dispatch id and a launch ticket: fetches it and its code from the API, runs it under a supervisor
 * in this process, and sends its log. Never rejects for what a server or a task does.
 */
export function runRemoteWorkload(options: RunRemoteOptions): Promise<RemoteEnd> {
  return runReference({ ...options, childPath: options.childPath ?? runnerFiles().childPath })
}

/** See {@link runRemoteWorkload}. */
export interface RunRemoteOptions extends Omit<ReferenceOptions, 'childPath'> {
  /** Where the compiled child is, when it is not this installation's own. */
  readonly childPath?: string | undefined
}
