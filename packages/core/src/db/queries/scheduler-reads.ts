import type { Kysely, Selectable } from 'kysely'
import type { Schema, SchedulerTable } from '../schema.ts'

/** The scheduler that renewed its lease last, alive or not. */
export function findLatestScheduler(db: Kysely<Schema>): Promise<Selectable<SchedulerTable> | undefined> {
  return db.selectFrom('scheduler').selectAll().orderBy('renewed_at', 'desc').limit(1).executeTakeFirst()
}
