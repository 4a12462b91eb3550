import { tmpdir } from 'node:os'
import { openExecutionTokens, openSharedSecret, type ExecutionTokens } from '../api/index.ts'
import { isShareable, type Database } from '../db/database.ts'
import { DatabaseError } from '../db/database-error.ts'
import { openDagGraphs } from '../db/queries/dag-graphs.ts'
import type { MoveContext } from '../moves/move-context.ts'
import { openMetrics, type ServedMetrics } from '../observability/index.ts'
import type { ComponentOptions } from './component.ts'
import { otherNamesOf } from './load-executors.ts'
import { openMigrated } from './open-installation.ts'
import { openRunFolder, type RunFolder } from './run-folder.ts'

/** What every component of one installation stands on: its database, its secret and its folders. */
export interface Installation extends ComponentOptions {
  readonly database: Database
  /** Signs every token; the same in each process of the installation. */
  readonly secret: Uint8Array
  readonly executionTokens: ExecutionTokens
  readonly runFolder: RunFolder
  readonly metrics: ServedMetrics
  readonly context: Omit<MoveContext, 'wake'>
}

/**
 * Enters an installation and hands it to `start`. A failure on the way leaves nothing open.
 *
 * @throws {DatabaseError} `DATABASE_IN_USE`, `DATABASE_UNAVAILABLE`, `DATABASE_TOO_NEW`.
 * @throws {SharedSecretError} when the secret of this process is not the installation's.
 */
export async function inInstallation<T>(
  options: ComponentOptions,
  start: (installation: Installation) => Promise<T>,
): Promise<T> {
  const database = await openMigrated(options.config, options.host.pid)
  try {
    return await start(await installationOn(database, options))
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * Refuses an embedded database: it has one owner process, and a component of its own would be the second.
 *
 * @throws {DatabaseError} `DATABASE_NOT_SHARED`.
 */
export function requireSharedDatabase({ config }: ComponentOptions, command: string): void {
  if (isShareable(config.paths.databaseUrl)) return
  throw new DatabaseError(
    'DATABASE_NOT_SHARED',
    `\`fairlead ${command}\` is one of several processes, and the database "${config.paths.databaseUrl}" is embedded: one process owns it. Set database.url (FAIRLEAD__DATABASE__URL) to a postgres:// address, or run everything in one process with \`fairlead standalone\`.`,
  )
}

async function installationOn(database: Database, options: ComponentOptions): Promise<Installation> {
  const { config, environment, executors, host } = options
  const { clock } = environment
  const secret = await openSharedSecret(database, {
    configured: config.apiAuth.jwtSecret,
    keysFolder: config.paths.keys,
    now: clock.now(),
  })
  const executionTokens = openExecutionTokens({
    secret,
    clock,
    leewaySeconds: config.apiAuth.jwtLeeway,
    ticketSeconds: config.executionApi.ticketExpirationTime,
    sessionSeconds: config.executionApi.jwtExpirationTime,
  })
  const runFolder = openRunFolder(config.paths.run, {
    executors: executors.map(({ name }) => name),
    tmpdir: tmpdir(),
    uid: host.uid,
  })
  const context = {
    database,
    environment,
    graphs: openDagGraphs(otherNamesOf(executors)),
    defaultExecutor: executors[0]?.name ?? '',
    launchBudget: config.scheduler.maxLaunchAttempts,
  }
  return {
    ...options,
    database,
    secret,
    executionTokens,
    runFolder,
    metrics: openMetrics(config.metrics.prefix),
    context,
  }
}
