import type { SqlFragments } from '../dialect/dialect.ts'

/** Variables and connections. What may be secret in them is encrypted before it comes here. */
export function secretsMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `create table variable (
      variable_key text primary key, value text not null, description text, updated_at ${bigint} not null)`,
    `create table connection (
      connection_id text primary key, conn_type text not null, description text, host text, login text, password text,
      schema_name text, port integer, extra text, updated_at ${bigint} not null)`,
  ]
}
