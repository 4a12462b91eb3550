import { expect, it } from 'vitest'
import { SpareDemand } from './spare-demand.ts'

it('keeps the configured number, and up to twice that while tasks start fast', () => {
  const demand = new SpareDemand(2)
  expect(demand.target(0)).toBe(2)
  for (let index = 0; index < 10; index += 1) demand.note('a', index)
  expect(demand.target(10)).toBe(4)
  expect(demand.target(5_000)).toBe(2)
})

it('keeps none when none are configured', () => {
  const demand = new SpareDemand(0)
  demand.note('a', 0)
  expect(demand.target(0)).toBe(0)
})

it.each([
  { asked: ['a', 'a'], loaded: [null, null], expected: 'a' },
  { asked: ['a', 'b'], loaded: ['b', null], expected: 'a' },
  { asked: [], loaded: [null, null], expected: null },
  { asked: ['a', 'a', 'a'], loaded: ['a', 'a', null], expected: null },
])('loads what was asked for lately, and leaves one of three bare: $asked, $loaded', ({ asked, loaded, expected }) => {
  const demand = new SpareDemand(3)
  for (const bundle of asked) demand.note(bundle, 0)
  expect(demand.nextToPreload(loaded)).toBe(expected)
})

it('gives up first what nobody asked for lately', () => {
  const demand = new SpareDemand(2)
  demand.note('a', 0)
  expect(demand.leastWanted(['a', null, 'old'])).toBe(2)
  expect(demand.leastWanted(['a', null])).toBe(0)
})
