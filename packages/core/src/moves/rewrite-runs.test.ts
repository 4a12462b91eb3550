import { afterEach, expect, it } from 'vitest'
import { findMiscounts } from '../../../../testkit/count-anew.ts'
import { RandomWalk } from '../../../../testkit/random-walk.ts'
import { describeOnEngines } from '../../../../testkit/test-databases.ts'
import { openDatabase } from '../db/database.ts'
import { migrate } from '../db/migrate.ts'

const WALKS = 60
const STEPS = 40

const cleanups: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

describeOnEngines('clears, marks and cancels', (engine) => {
  it(`keep every count right in ${WALKS} walks among reports, ends and claims`, async () => {
    const { url, drop } = await engine.createDatabase()
    const database = openDatabase({ url, pid: process.pid })
    cleanups.push(() => database.close(), drop)
    await migrate(database)
    for (let seed = 1; seed <= WALKS; seed++) {
      await RandomWalk.take(database, seed, async (world) => {
        const steps: string[] = []
        for (let number = 0; number < STEPS; number++) {
          steps.push(await world.step())
          expect(await findMiscounts(world.tx, world.context), `seed ${seed}: ${steps.join(' ')}`).toEqual([])
        }
      })
    }
  }, 300_000)
})
