import { tmpdir } from 'node:os'
import type { Config } from '../config/index.ts'
import { openRunFolder } from './run-folder.ts'
import { localAddress } from './worker-addresses.ts'

/** Where work of one executor belongs on this machine. */
export interface WorkerPlace {
  readonly apiUrl: string
  readonly runFolder: string
  readonly logFolder: string
  readonly bundleFolder: string
}

/** The place that a scheduler of this home folder gives to a local executor, for a process that is no scheduler. */
export function workerPlace(
  config: Config,
  executor: string,
  { executors, uid }: { readonly executors: readonly string[]; readonly uid: number },
): WorkerPlace {
  const runFolder = openRunFolder(config.paths.run, { executors, tmpdir: tmpdir(), uid })
  return {
    apiUrl: localAddress(config, runFolder.apiSocket),
    runFolder: runFolder.forExecutor(executor),
    logFolder: config.paths.logs,
    bundleFolder: config.paths.bundles,
  }
}
