import { expect, it } from 'vitest'
import { isTriedAgain, type AttemptFailure, type RetryStrategy } from './retry.ts'

const failure: AttemptFailure = {
  exitCode: 137,
  reason: 'OutOfMemoryError: Container killed due to memory usage',
  statusReason: 'Essential container in task exited',
}

it.each<[string, RetryStrategy, number, Partial<AttemptFailure>, boolean]>([
  ['once, where nothing is said', {}, 1, {}, false],
  ['while attempts are left', { attempts: 2 }, 1, {}, true],
  ['not when none is left', { attempts: 2 }, 2, {}, false],
  [
    'not where a rule says exit',
    { attempts: 2, evaluateOnExit: [{ onExitCode: '137', action: 'exit' }] },
    1,
    {},
    false,
  ],
  ['where no rule fits', { attempts: 2, evaluateOnExit: [{ onExitCode: '1', action: 'EXIT' }] }, 1, {}, true],
  [
    'by the first rule that fits, whatever its case',
    {
      attempts: 2,
      evaluateOnExit: [
        { onReason: 'outofmemory*', action: 'RETRY' },
        { onStatusReason: '*', action: 'EXIT' },
      ],
    },
    1,
    {},
    true,
  ],
  [
    'by a rule that fits in all it says',
    { attempts: 2, evaluateOnExit: [{ onReason: 'OutOfMemory*', onExitCode: '1', action: 'EXIT' }] },
    1,
    {},
    true,
  ],
  [
    'when its host was lost, by a rule for that',
    {
      attempts: 2,
      evaluateOnExit: [
        { onStatusReason: 'Host EC2*', action: 'RETRY' },
        { onReason: '*', action: 'EXIT' },
      ],
    },
    1,
    { exitCode: null, reason: null, statusReason: 'Host EC2 (instance i-1) terminated.' },
    true,
  ],
])('a job is tried again %s', (_, strategy, attempts, more, expected) => {
  expect(isTriedAgain(strategy, attempts, { ...failure, ...more })).toBe(expected)
})
