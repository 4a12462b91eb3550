import { describe, expect, it } from 'vitest'
import { TEST_ENGINES } from '../../../testkit/test-databases.ts'
import { chaos } from './chaos.ts'

const { postgres } = TEST_ENGINES
const ONE_MINUTE = 60_000
/** What chaos may take to become calm again, and more. */
const LONGEST = 600_000

describe.skipIf(!postgres.isProvided)(`several processes under chaos ${postgres.title}`, () => {
  it('lose nothing, accept nothing twice, and leave no slot taken and no process', { timeout: LONGEST }, async () => {
    const story: string[] = []
    const line = await chaos({
      seed: Date.now() % 1_000_000,
      forMs: ONE_MINUTE,
      say: (text) => void story.push(text),
    }).catch((error: unknown) => {
      throw new Error(`${story.join('\n')}\n${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      })
    })
    expect(line).toContain('; 0 problems')
  })
})
