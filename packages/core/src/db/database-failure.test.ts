import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { chain, dagSpec } from '../../../../testkit/dag-specs.ts'
import { TEST_ENGINES, type TestEngine } from '../../../../testkit/test-databases.ts'
import { openDatabase, type Database } from './database.ts'
import { registerDagFile } from '../moves/register-dag-file.ts'
import { CutProxy } from '../../../../testkit/cut-proxy.ts'
import { systemEnvironment } from '../processes/system-environment.ts'
import { migrate, NEWEST_REVISION } from './migrate.ts'
import { openDagGraphs } from './queries/dag-graphs.ts'
import { writeExecutorRow } from './queries/executor-rows.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function openOn(engine: TestEngine): Promise<{ database: Database; url: string }> {
  const { url, drop } = await engine.createDatabase()
  const database = openDatabase({ url, pid: process.pid })
  cleanups.push(drop, () => database.close())
  await migrate(database)
  return { database, url }
}

const write = (database: Database, key: string, value: unknown): Promise<void> =>
  database.transaction((tx) => writeExecutorRow(tx, { executor: 'local', key, value }))

describe('a SQLite database that has no room left', () => {
  it('says so, keeps what it had, and goes on when there is room', async () => {
    const { database } = await openOn(TEST_ENGINES.sqlite)
    await write(database, 'before', 'kept')
    const pages = await database.transaction(async ({ query }) => {
      const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(query)
      await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(query)
      return rows[0]?.page_count
    })
    expect(pages).toBeGreaterThan(0)
    for (let count = 0; count < 2; count++) {
      const full = write(database, 'much', 'x'.repeat(100_000))
      await expect(full).rejects.toMatchObject({ name: 'DatabaseError', code: 'DATABASE_FULL' })
      await expect(full).rejects.toThrow(/Free space there/)
    }
    await database.transaction(({ query }) => sql.raw('pragma max_page_count = 1000000').execute(query))
    await write(database, 'much', 'x'.repeat(100_000))
    const kept = await database.read.selectFrom('executor_row').select('key').orderBy('key').execute()
    expect(kept.map(({ key }) => key)).toEqual(['before', 'much'])
    const { rows } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(database.read)
    expect(rows).toEqual([{ integrity_check: 'ok' }])
  })
})

describe.skipIf(!TEST_ENGINES.postgres.isProvided)(`a database ${TEST_ENGINES.postgres.title}`, () => {
  it('is migrated, and filled with the same Dags, by two servers at once', async () => {
    const { url, drop } = await TEST_ENGINES.postgres.createDatabase()
    const both = [1, 2].map((pid) => openDatabase({ url, pid }))
    cleanups.push(drop, ...both.map((database) => () => database.close()))
    const revisions = await Promise.all(both.map((database) => migrate(database)))
    expect(revisions.map(({ current }) => current)).toEqual([NEWEST_REVISION, NEWEST_REVISION])
    await Promise.all(both.flatMap((database) => [1, 2, 3].map((index) => register(database, `dag${index}`))))
    const dags = await both[0]?.read.selectFrom('dag_version').select(['dag_id', 'version_number']).execute()
    expect(dags).toHaveLength(3)
  })

  it('that has no room left says so', async () => {
    const { database } = await openOn(TEST_ENGINES.postgres)
    const full = database.transaction(({ query }) =>
      sql.raw(`do $$ begin raise exception 'no space' using errcode = '53100'; end $$`).execute(query),
    )
    await expect(full).rejects.toMatchObject({ code: 'DATABASE_FULL' })
    await write(database, 'after', 'fine')
  })

  it('that breaks off a transaction says so, and serves the next one', async () => {
    const { database, url } = await openOn(TEST_ENGINES.postgres)
    const broken = database.transaction(async (tx) => {
      await writeExecutorRow(tx, { executor: 'local', key: 'lost', value: 1 })
      await cutOff(url)
      await writeExecutorRow(tx, { executor: 'local', key: 'lost too', value: 1 })
    })
    await expect(broken).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await write(database, 'after', 'fine')
    const rows = await database.read.selectFrom('executor_row').select('key').execute()
    expect(rows.map(({ key }) => key)).toEqual(['after'])
  })

  it('that falls silent says so after a while, and serves again when the line is mended', async () => {
    const { url } = await openOn(TEST_ENGINES.postgres)
    const { hostname: host, port } = new URL(url)
    const proxy = await CutProxy.open({ host, port: Number(port) })
    const database = openDatabase({
      url: proxy.urlOf(url),
      pid: process.pid,
      connectTimeoutMs: 300,
      statementTimeoutMs: 300,
    })
    cleanups.push(async () => {
      await database.close()
      await proxy.close()
    })
    await write(database, 'before', 'fine')
    const broken = database.transaction(async (tx) => {
      proxy.silence()
      await writeExecutorRow(tx, { executor: 'local', key: 'lost', value: 1 })
    })
    await expect(broken).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(write(database, 'unreached', 1)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    proxy.mend()
    await write(database, 'after', 'fine')
    const rows = await database.read.selectFrom('executor_row').select('key').orderBy('key').execute()
    expect(rows.map(({ key }) => key)).toEqual(['after', 'before'])
  })

  it('is given the time that a change of its schema takes', async () => {
    const { url } = await openOn(TEST_ENGINES.postgres)
    const database = openDatabase({ url, pid: process.pid, statementTimeoutMs: 200 })
    cleanups.push(() => database.close())
    const slow = (patience: string): Promise<unknown> =>
      database.transaction(async ({ query }) => {
        await sql.raw(patience).execute(query)
        await sql.raw('select pg_sleep(0.5)').execute(query)
      })
    await expect(slow('select 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await slow(database.fragments.oneAtATime)
  })

  it('that is not there says where it looked, without the password', async () => {
    const database = openDatabase({ url: 'postgres://me:secret@127.0.0.1:1/none', pid: process.pid })
    cleanups.push(() => database.close())
    const failed = write(database, 'any', 1)
    await expect(failed).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await expect(failed).rejects.toThrow(/postgres:\/\/me@127\.0\.0\.1:1\/none cannot be reached/)
  })
})

function register(database: Database, dagId: string): Promise<void> {
  const environment = systemEnvironment()
  const context = { database, environment, graphs: openDagGraphs(), defaultExecutor: 'local', launchBudget: 1 }
  return registerDagFile(
    { ...context, wake: () => undefined },
    {
      bundleName: 'dags',
      file: `${dagId}.ts`,
      hash: 'same',
      dags: [dagSpec(dagId, chain(2))],
      defaults: { pauseNew: false, maxActiveRuns: 1, maxActiveTasks: 1 },
    },
  )
}

/** Ends every connection to a database but the one that asks. */
async function cutOff(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  await client.end()
}
