import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/index.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'

/**
 * Opens the database of an installation, creating its home folder on the first start.
 *
 * @throws {DatabaseError} `DATABASE_IN_USE` while another server runs on it.
 */
export function openInstallation(config: Config, pid: number): Database {
  mkdirSync(config.paths.home, { recursive: true, mode: 0o700 })
  mkdirSync(join(config.paths.logs), { recursive: true })
  mkdirSync(config.paths.bundles, { recursive: true })
  return openDatabase({
    url: config.paths.databaseUrl,
    durability: config.database.synchronous,
    connections: config.database.poolSize,
    connectTimeoutMs: config.database.connectTimeout * 1000,
    statementTimeoutMs: config.database.statementTimeout * 1000,
    pid,
  })
}

/** The same, brought to the newest revision. */
export async function openMigrated(config: Config, pid: number): Promise<Database> {
  const database = openInstallation(config, pid)
  try {
    await migrate(database, { defaultPoolSlots: config.core.defaultPoolTaskSlotCount })
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}
