import type { SqlFragments } from '../dialect/dialect.ts'

/** What several processes of one installation share: facts they must agree on, and signs of life. */
export function componentsMigration({ bigint }: SqlFragments): readonly string[] {
  return [
    `create table installation_fact (name text primary key, value text not null, noted_at ${bigint} not null)`,
    `create table component (
      id text primary key, kind text not null, hostname text not null, pid integer not null,
      started_at ${bigint} not null, beat_at ${bigint} not null)`,
  ]
}
