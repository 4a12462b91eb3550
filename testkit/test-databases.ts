import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe } from 'vitest'
import { needsService, postgresUrl } from './services.ts'

/** An empty database of a test's own. */
export interface TestDatabase {
  readonly url: string
  /** Removes it; close what is open on it first. */
  drop(): Promise<void>
}

/** An engine that tests run on. */
export interface TestEngine {
  readonly name: 'sqlite' | 'postgres'
  /** For `describe`: says how to run what is skipped. */
  readonly title: string
  readonly isProvided: boolean
  createDatabase(): Promise<TestDatabase>
}

/** Both engines. PostgreSQL is provided by {@link postgresUrl}. */
export const TEST_ENGINES: { readonly sqlite: TestEngine; readonly postgres: TestEngine } = {
  sqlite: { name: 'sqlite', title: 'on SQLite', isProvided: true, createDatabase: createSqliteFile },
  postgres: {
    name: 'postgres',
    title: needsService('on PostgreSQL', postgresUrl()),
    isProvided: postgresUrl() !== null,
    createDatabase: createPostgresDatabase,
  },
}

/** A suite that holds for every engine. */
export function describeOnEngines(what: string, suite: (engine: TestEngine) => void): void {
  for (const engine of Object.values(TEST_ENGINES)) {
    describe.skipIf(!engine.isProvided)(`${what} ${engine.title}`, () => {
      suite(engine)
    })
  }
}

async function createSqliteFile(): Promise<TestDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-db-'))
  return {
    url: join(folder, 'fairlead.db'),
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

async function createPostgresDatabase(): Promise<TestDatabase> {
  const server = postgresUrl()
  if (server === null) throw new Error('PostgreSQL is not provided.')
  const name = `fairlead_${randomUUID().replaceAll('-', '')}`
  await onServer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.toString(), drop: () => onServer(server, `drop database ${name} with (force)`) }
}

async function onServer(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
