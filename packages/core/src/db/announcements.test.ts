import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../../testkit/eventually.ts'
import { describeOnEngines, TEST_ENGINES } from '../../../../testkit/test-databases.ts'
import { runOnDatabase, type ThrowawayDatabase } from '../../../../testkit/throwaway-database.ts'
import { openDatabase, type Database } from './database.ts'

describeOnEngines('an announcement', (engine) => {
  let place: ThrowawayDatabase
  let database: Database
  beforeEach(async () => {
    place = await engine.createDatabase()
    database = openDatabase({ url: place.url, pid: process.pid })
  })
  afterEach(async () => {
    await database.close()
    await place.drop()
  })

  it('is no news to the process that made it, and its transaction commits', async () => {
    const stopping = new AbortController()
    const heard: string[] = []
    const listener = { onNews: () => heard.push('news'), onProblem: (error: Error) => heard.push(error.message) }
    const listening = database.listen(listener, stopping.signal)
    const answer = await database.transaction(async (tx) => {
      await tx.announce()
      return 'committed'
    })
    expect(answer).toBe('committed')
    stopping.abort()
    await listening
    expect(heard.filter((what) => what !== 'news')).toEqual([])
  })
})

const { postgres } = TEST_ENGINES

describe.skipIf(!postgres.isProvided)(`an announcement ${postgres.title}`, () => {
  let place: ThrowawayDatabase
  let here: Database
  let there: Database
  let stopping: AbortController
  let heard: { news: number; problems: string[] }
  let listening: Promise<void>

  beforeEach(async () => {
    place = await postgres.createDatabase()
    here = openDatabase({ url: place.url, pid: process.pid })
    there = openDatabase({ url: place.url, pid: process.pid })
    stopping = new AbortController()
    heard = { news: 0, problems: [] }
    listening = here.listen(
      { onNews: () => (heard.news += 1), onProblem: (error) => heard.problems.push(error.message) },
      stopping.signal,
    )
    await isHeard(1)
  })
  afterEach(async () => {
    stopping.abort()
    await listening
    await here.close()
    await there.close()
    await place.drop()
  })

  const isHeard = (atLeast: number): Promise<boolean> => eventually(() => heard.news >= atLeast)
  const announce = (): Promise<void> => there.transaction((tx) => tx.announce())

  it('is heard by another process when its transaction commits, once however often it is said', async () => {
    await there.transaction(async (tx) => {
      await tx.announce()
      await tx.announce()
    })
    await isHeard(2)
    // A second transaction ends what is on its way.
    await announce()
    await isHeard(3)
    expect(heard.news).toBe(3)
  })

  it('is not heard when its transaction is rolled back, nor by a later one on the same connection', async () => {
    const failed = there.transaction(async (tx) => {
      await tx.announce()
      throw new Error('undone')
    })
    await expect(failed).rejects.toThrow('undone')
    await there.transaction(async () => undefined)
    await announce()
    await isHeard(2)
    expect(heard.news).toBe(2)
  })

  it('is heard again after the connection was lost, and what was missed meanwhile is made up for', async () => {
    await runOnDatabase(
      place.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'fairlead listener'`,
    )
    await eventually(() => heard.problems.length > 0)
    await isHeard(2)
    const before = heard.news
    await announce()
    await isHeard(before + 1)
    expect(heard.problems[0]).toContain('cannot be reached')
  })
})
