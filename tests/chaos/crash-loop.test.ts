import { it } from 'vitest'
import { crashLoop } from './crash-loop.ts'

it(
  'completes a 500-task run through ten kills of the server, each outcome accepted once',
  { timeout: 600_000 },
  async () => {
    await crashLoop(10, () => undefined)
  },
)
