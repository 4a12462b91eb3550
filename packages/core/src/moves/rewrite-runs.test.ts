import { afterAll, beforeAll, expect, it } from 'vitest'
import { findMiscounts } from '../../../../testkit/count-anew.ts'
import { openWalkDatabase, RandomWalk } from '../../../../testkit/random-walk.ts'
import type { Database } from '../db/database.ts'

const WALKS = 120
const STEPS = 40

let database: Database
beforeAll(async () => {
  database = await openWalkDatabase()
})
afterAll(() => database.close())

it(`keeps every count right in ${WALKS} walks of clears, marks, cancels, reports and ends`, async () => {
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
