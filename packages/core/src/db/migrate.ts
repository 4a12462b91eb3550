import { sql } from 'kysely'
import type { Database } from './database.ts'
import { DatabaseError } from './database-error.ts'
import { firstMigration } from './migrations/0001-first.ts'
import { poolsMigration } from './migrations/0002-pools.ts'
import { stopRequestsMigration } from './migrations/0003-stop-requests.ts'
import { executorStatusMigration } from './migrations/0004-executor-status.ts'
import { secretsMigration } from './migrations/0005-secrets.ts'
import { backfillsMigration } from './migrations/0006-backfills.ts'
import { traceExportMigration } from './migrations/0007-trace-export.ts'
import { componentsMigration } from './migrations/0010-components.ts'
import { createDefaultPool } from './queries/pools.ts'

/**
 * Numbered, forward-only migrations. A process refuses a database with a breaking revision that it does not know.
 *
 * Invariant: the recorded revision and the tables change in one transaction.
 */

const MIGRATIONS = [
  { revision: 1, isBreaking: true, statements: firstMigration },
  { revision: 2, isBreaking: true, statements: poolsMigration },
  { revision: 3, isBreaking: true, statements: stopRequestsMigration },
  { revision: 4, isBreaking: false, statements: executorStatusMigration },
  { revision: 5, isBreaking: false, statements: secretsMigration },
  { revision: 6, isBreaking: true, statements: backfillsMigration },
  { revision: 7, isBreaking: false, statements: traceExportMigration },
  { revision: 10, isBreaking: true, statements: componentsMigration },
] as const

/** The newest revision this build knows. */
export const NEWEST_REVISION: number = Math.max(...MIGRATIONS.map((migration) => migration.revision))

/** Where a database stands. */
export interface MigrationStatus {
  readonly current: number
  readonly newest: number
}

/** What a new database begins with. */
export interface FirstRows {
  /** Slots of the default pool. */
  readonly defaultPoolSlots: number
}

const DEFAULTS: FirstRows = { defaultPoolSlots: 128 }

/**
 * Brings a database to the newest revision, and makes its default pool where there is none.
 *
 * @throws {DatabaseError} `DATABASE_TOO_NEW` when a newer build has changed it in a way this one cannot work with.
 */
export async function migrate(database: Database, first: FirstRows = DEFAULTS): Promise<MigrationStatus> {
  await database.transaction(async (tx) => {
    const { query } = tx
    // Processes that start together on an empty database take turns.
    await sql.raw(database.fragments.oneAtATime).execute(query)
    await sql
      .raw(`create table if not exists schema_revision (revision integer primary key, is_breaking integer not null)`)
      .execute(query)
    const revisions = await readRevisions(query)
    refuseNewer(revisions)
    const applied = new Set(revisions.map((row) => row.revision))
    for (const migration of MIGRATIONS.filter((m) => !applied.has(m.revision))) {
      for (const text of migration.statements(database.fragments)) await sql.raw(text).execute(query)
      await sql`insert into schema_revision (revision, is_breaking) values (${migration.revision}, ${migration.isBreaking ? 1 : 0})`.execute(
        query,
      )
    }
    await createDefaultPool(tx, first.defaultPoolSlots)
  })
  return migrationStatus(database)
}

/**
 * Reads where a database stands, changing nothing. A database without tables is at revision 0.
 *
 * @throws {DatabaseError} `DATABASE_TOO_NEW`.
 */
export async function migrationStatus(database: Database): Promise<MigrationStatus> {
  const tables = await database.read.introspection.getTables()
  if (!tables.some((table) => table.name === 'schema_revision')) return { current: 0, newest: NEWEST_REVISION }
  return { current: refuseNewer(await readRevisions(database.read)), newest: NEWEST_REVISION }
}

interface Revision {
  revision: number
  is_breaking: number
}

async function readRevisions(query: Database['read']): Promise<readonly Revision[]> {
  const { rows } = await sql<Revision>`select revision, is_breaking from schema_revision order by revision`.execute(
    query,
  )
  return rows
}

function refuseNewer(revisions: readonly Revision[]): number {
  const newestBreaking = Math.max(0, ...revisions.filter((r) => r.is_breaking === 1).map((r) => r.revision))
  if (newestBreaking <= NEWEST_REVISION) return Math.max(0, ...revisions.map((r) => r.revision))
  throw new DatabaseError(
    'DATABASE_TOO_NEW',
    `The database is at revision ${newestBreaking}, this build knows ${NEWEST_REVISION}. Use the newer Fairlead that migrated it.`,
  )
}
