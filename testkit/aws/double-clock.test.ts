import { expect, it } from 'vitest'
import { eventually } from '../eventually.ts'
import { DoubleClock } from './double-clock.ts'

it('does what is due when time is moved on, earliest first, and what is not due later', async () => {
  const clock = new DoubleClock()
  const done: string[] = []
  clock.after(60_000, () => done.push('a minute'))
  clock.after(1_000, () => done.push('a second'))
  clock.after(3_600_000, () => done.push('an hour'))
  clock.after(1_000, () => done.push('taken back'))()
  clock.advance(60_000)
  await eventually(() => done.length === 2)
  expect(done).toEqual(['a second', 'a minute'])
  clock.close()
  clock.advance(3_600_000)
  await new Promise(setImmediate)
  expect(done).toHaveLength(2)
})

it('goes on by itself', async () => {
  const clock = new DoubleClock()
  const start = clock.now()
  let isDone = false
  clock.after(10, () => (isDone = true))
  await eventually(() => isDone)
  expect(clock.now()).toBeGreaterThanOrEqual(start + 10)
})
