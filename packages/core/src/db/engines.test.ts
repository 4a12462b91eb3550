import { execFileSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { sql } from 'kysely'
import { afterEach, describe, expect, it } from 'vitest'
import { TEST_ENGINES, describeOnEngines, type TestEngine } from '../../../../testkit/test-databases.ts'
import type { ThrowawayDatabase } from '../../../../testkit/throwaway-database.ts'
import { openDatabase, type Database, type Tx } from './database.ts'
import { migrate, migrationStatus, NEWEST_REVISION } from './migrate.ts'
import { deleteExecutorRow, listExecutorRows, readExecutorRow, writeExecutorRow } from './queries/executor-rows.ts'
import { statement } from './statement.ts'

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function emptyDatabase(engine: TestEngine): Promise<ThrowawayDatabase> {
  const created = await engine.createDatabase()
  cleanups.push(created.drop)
  return created
}

function open(url: string): Database {
  const database = openDatabase({ url, pid: process.pid })
  cleanups.push(() => database.close())
  return database
}

async function openMigrated(engine: TestEngine): Promise<Database> {
  const database = open((await emptyDatabase(engine)).url)
  await migrate(database)
  return database
}

const writeRow = (tx: Tx, key: string, value: unknown): Promise<void> =>
  writeExecutorRow(tx, { executor: 'local', key, value })
const readRow = (database: Database, key: string): Promise<unknown> =>
  database.transaction((tx) => readExecutorRow(tx, 'local', key))

describeOnEngines('a database', (engine) => {
  it('is migrated from empty to the newest revision, and again without a change', async () => {
    const database = open((await emptyDatabase(engine)).url)
    expect(await migrationStatus(database)).toEqual({ current: 0, newest: NEWEST_REVISION })
    expect(await migrate(database)).toEqual({ current: NEWEST_REVISION, newest: NEWEST_REVISION })
    expect(await migrate(database)).toEqual({ current: NEWEST_REVISION, newest: NEWEST_REVISION })
  })

  it('is refused when a newer build has changed it in a way that breaks this one', async () => {
    const database = await openMigrated(engine)
    await database.transaction(async ({ query }) => {
      await sql`insert into schema_revision (revision, is_breaking) values (99, 1)`.execute(query)
    })
    await expect(migrate(database)).rejects.toMatchObject({ code: 'DATABASE_TOO_NEW' })
    await expect(migrationStatus(database)).rejects.toThrow(`revision 99, this build knows ${NEWEST_REVISION}`)
  })

  it('is used when a newer build has changed it in a way that does not matter here', async () => {
    const database = await openMigrated(engine)
    await database.transaction(async ({ query }) => {
      await sql`insert into schema_revision (revision, is_breaking) values (99, 0)`.execute(query)
    })
    expect(await migrate(database)).toEqual({ current: 99, newest: NEWEST_REVISION })
  })

  it('keeps what a transaction wrote when it resolves, and nothing of it when it throws', async () => {
    const database = await openMigrated(engine)
    await database.transaction((tx) => writeRow(tx, 'kept', [1, 'ü']))
    const failing = database.transaction(async (tx) => {
      await writeRow(tx, 'kept', 'overwritten')
      await writeRow(tx, 'lost', 1)
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await readRow(database, 'kept')).toEqual([1, 'ü'])
    expect(await readRow(database, 'lost')).toBeUndefined()
  })

  it('goes on after a statement that the engine refuses', async () => {
    const database = await openMigrated(engine)
    const broken = statement(() => 'select * from no_such_table')
    await expect(database.transaction((tx) => tx.all(broken))).rejects.toThrow(/no_such_table/)
    await database.transaction((tx) => writeRow(tx, 'after', true))
    expect(await readRow(database, 'after')).toBe(true)
  })

  it('shows readers what is committed', async () => {
    const database = await openMigrated(engine)
    await database.transaction((tx) => writeRow(tx, 'a', 1))
    const rows = await database.read.selectFrom('executor_row').select(['key', 'value']).execute()
    expect(rows).toEqual([{ key: 'a', value: '1' }])
  })

  it('runs transactions that are asked for at once without losing one', async () => {
    const database = await openMigrated(engine)
    const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
    await Promise.all(keys.map((key) => database.transaction((tx) => writeRow(tx, key, key))))
    const rows = await database.transaction((tx) => listExecutorRows(tx, 'local', 'k'))
    expect(rows.map((row) => row.key)).toEqual(keys.toSorted())
    await database.transaction((tx) => deleteExecutorRow(tx, 'local', 'k0'))
    expect(await readRow(database, 'k0')).toBeUndefined()
  })

  it('counts the statements that were run', async () => {
    const database = await openMigrated(engine)
    const before = database.statementCount
    await database.transaction((tx) => tx.all(statement(() => 'select 1 as one')))
    expect(database.statementCount - before).toBe(1)
  })
})

describe('an embedded database', () => {
  it('is refused to a second process, which is told the pid of the first', async () => {
    const { url } = await emptyDatabase(TEST_ENGINES.sqlite)
    open(url)
    expect(await openElsewhere(url)).toMatchObject({
      code: 'DATABASE_IN_USE',
      message: expect.stringContaining(`process ${process.pid}`),
    })
  })

  it('is free again once its owner has closed it', async () => {
    const { url } = await emptyDatabase(TEST_ENGINES.sqlite)
    await openDatabase({ url, pid: process.pid }).close()
    expect(await openElsewhere(url)).toEqual({ code: 'opened' })
  })

  it('says what is wrong when its file cannot be opened', async () => {
    const { url } = await emptyDatabase(TEST_ENGINES.sqlite)
    writeFileSync(url, '')
    expect(() => openDatabase({ url: join(url, 'fairlead.db'), pid: 1 })).toThrow(
      expect.objectContaining({ code: 'DATABASE_UNAVAILABLE' }),
    )
  })
})

describe.skipIf(!TEST_ENGINES.postgres.isProvided)(`a shared database ${TEST_ENGINES.postgres.title}`, () => {
  it('runs the victim of a deadlock again', async () => {
    const database = await openMigrated(TEST_ENGINES.postgres)
    await database.transaction(async (tx) => {
      await writeRow(tx, 'a', 0)
      await writeRow(tx, 'b', 0)
    })
    const bothHold = meeting(2)
    let attempts = 0
    const crossing = (first: string, second: string): Promise<void> =>
      database.transaction(async (tx) => {
        attempts += 1
        await writeRow(tx, first, first + second)
        await bothHold()
        await writeRow(tx, second, first + second)
      })
    await Promise.all([crossing('a', 'b'), crossing('b', 'a')])
    expect(attempts).toBeGreaterThan(2)
    expect(await readRow(database, 'a')).toBe(await readRow(database, 'b'))
  })
})

/** Resolves for everybody once `count` have come; later ones pass. */
function meeting(count: number): () => Promise<void> {
  let missing = count
  let open: () => void = () => undefined
  const isOpen = new Promise<void>((resolve) => (open = resolve))
  return () => {
    missing -= 1
    if (missing <= 0) open()
    return isOpen
  }
}

/** Opens the database in a process of its own and answers what it says. */
async function openElsewhere(url: string): Promise<unknown> {
  const program = fileURLToPath(new URL(`./.elsewhere-${process.pid}.mjs`, import.meta.url))
  await build({
    stdin: { contents: ELSEWHERE, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    conditions: ['@fairlead/source'],
  })
  try {
    return JSON.parse(execFileSync(process.execPath, [program, url], { encoding: 'utf8' }))
  } finally {
    rmSync(program)
  }
}

const ELSEWHERE = `
import { openDatabase } from './database.ts'
try {
  await openDatabase({ url: process.argv[2] ?? '', pid: process.pid }).close()
  console.log(JSON.stringify({ code: 'opened' }))
} catch ({ code, message }) {
  console.log(JSON.stringify({ code, message }))
}
`
