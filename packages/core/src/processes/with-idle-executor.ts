import type { Executor, ExecutorStore } from '@fairlead/executor'
import { tmpdir } from 'node:os'
import type { Database } from '../db/database.ts'
import { executorStore } from '../dispatch/executor-store.ts'
import type { ComponentOptions } from './component.ts'
import { refuseReport } from './idle-executors.ts'
import { hostOf } from './executor-host.ts'
import type { LoadedExecutor } from './load-executors.ts'
import { openInstallation } from './open-installation.ts'
import { openRunFolder } from './run-folder.ts'
import { readServerFile } from './server-file.ts'
import { ownAddresses } from './worker-addresses.ts'

/**
 * Lets a command use an executor that is never started. Its store is the installation's; the database is opened when the
 * store is used for the first time, so that a command which needs none runs beside a server that owns it.
 */
export async function withIdleExecutor<T>(
  loaded: LoadedExecutor,
  { config, environment, log, host }: Pick<ComponentOptions, 'config' | 'environment' | 'log' | 'host'>,
  use: (executor: Executor) => Promise<T>,
): Promise<T> {
  const server = await readServerFile(config.paths.home)
  const runFolder = openRunFolder(config.paths.run, { executors: [loaded.name], tmpdir: tmpdir(), uid: host.uid })
  const opened: { database: Database | null } = { database: null }
  const store = (): ExecutorStore =>
    executorStore((opened.database ??= openInstallation(config, host.pid)), loaded.name)
  const executor = new loaded.executorClass(
    hostOf(
      loaded,
      { config, environment, log, runFolder },
      ownAddresses(config, { socketPath: runFolder.apiSocket, url: () => server?.url ?? '' }),
      {
        store: {
          get: async (key) => store().get(key),
          set: async (key, value) => store().set(key, value),
          delete: async (key) => store().delete(key),
          list: async (prefix) => store().list(prefix),
        },
        report: (event) => refuseReport(loaded.name, event),
      },
    ),
  )
  try {
    return await use(executor)
  } finally {
    await opened.database?.close()
  }
}
