import { describe } from 'vitest'
import { needsService, postgresUrl } from './services.ts'
import { throwawayPostgres, throwawaySqlite, type ThrowawayDatabase } from './throwaway-database.ts'

/** An engine that tests run on. */
export interface TestEngine {
  readonly name: 'sqlite' | 'postgres'
  /** For `describe`: says how to run what is skipped. */
  readonly title: string
  readonly isProvided: boolean
  createDatabase(): Promise<ThrowawayDatabase>
}

/** Both engines. PostgreSQL is provided by {@link postgresUrl}. */
export const TEST_ENGINES: { readonly sqlite: TestEngine; readonly postgres: TestEngine } = {
  sqlite: { name: 'sqlite', title: 'on SQLite', isProvided: true, createDatabase: async () => throwawaySqlite() },
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

async function createPostgresDatabase(): Promise<ThrowawayDatabase> {
  const server = postgresUrl()
  if (server === null) throw new Error('PostgreSQL is not provided.')
  return throwawayPostgres(server)
}
