import type { SqlFragments } from '../dialect/dialect.ts'

/** How far the audit log has been told as traces, and which process tells it. One row at most. */
export function traceExportMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `create table trace_export (
      id integer primary key, seq ${bigint} not null, holder text not null, held_until ${bigint} not null)`,
  ]
}
