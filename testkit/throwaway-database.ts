import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

/** An empty database of one's own. */
export interface ThrowawayDatabase {
  readonly url: string
  /** Removes it; close what is open on it first. */
  drop(): Promise<void>
}

/** A SQLite file in a folder of its own. */
export function throwawaySqlite(): ThrowawayDatabase {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-db-'))
  return {
    url: join(folder, 'fairlead.db'),
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** A new database on a PostgreSQL server. */
export async function throwawayPostgres(server: string): Promise<ThrowawayDatabase> {
  const name = `fairlead_${randomUUID().replaceAll('-', '')}`
  await runOnDatabase(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.toString(),
    drop: async () => void (await runOnDatabase(server, `drop database ${name} with (force)`)),
  }
}

/** Runs a statement on a PostgreSQL database from a connection of its own; answers its rows. */
export async function runOnDatabase<T extends object>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url })
  // A connection that breaks fails what runs on it; without a listener it would end the process too.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}
