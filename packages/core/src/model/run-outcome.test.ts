import { expect, it } from 'vitest'
import { dagRunOutcome } from './run-outcome.ts'

it.each([
  { unfinished: 2, failedLeaves: 0, state: 'running' },
  { unfinished: 1, failedLeaves: 3, state: 'running' },
  { unfinished: 0, failedLeaves: 0, state: 'success' },
  { unfinished: 0, failedLeaves: 1, state: 'failed' },
])('a run with $unfinished unfinished tasks and $failedLeaves failed leaves is $state', ({ state, ...run }) => {
  expect(dagRunOutcome(run)).toBe(state)
})
