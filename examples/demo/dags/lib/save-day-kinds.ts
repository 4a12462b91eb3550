import { DatabaseSync } from '@photostructure/sqlite'
import type { DayKind } from './report.ts'

/** Writes the result as a table of a new SQLite file, in place of an earlier one's. */
export function saveDayKinds(path: string, kinds: readonly DayKind[]): void {
  const database = new DatabaseSync(path)
  try {
    database.exec('drop table if exists day_kind')
    database.exec('create table day_kind (kind text primary key, flights integer, average_delay real, late_share real)')
    const insert = database.prepare('insert into day_kind values (?, ?, ?, ?)')
    for (const { kind, flights, averageDelay, lateShare } of kinds) insert.run(kind, flights, averageDelay, lateShare)
  } finally {
    database.close()
  }
}
