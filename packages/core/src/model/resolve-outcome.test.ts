import type { WorkloadExit } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { resolveOutcome, type EndedTry, type Outcome } from './resolve-outcome.ts'

const FIRST_OF_TWO: EndedTry = {
  report: null,
  exit: null,
  tryNumber: 1,
  maxTries: 2,
  launchAttempts: 1,
  launchBudget: 3,
}
const LAST_OF_TWO: EndedTry = { ...FIRST_OF_TWO, tryNumber: 2 }

const error = { name: 'Error', message: 'no such file', stack: null }
const cleanExit: WorkloadExit = { kind: 'exited', exitCode: 0 }
const exitOne: WorkloadExit = { kind: 'exited', exitCode: 1 }
const killed: WorkloadExit = { kind: 'signaled', signal: 'SIGKILL', cause: 'out_of_memory_killed' }
const timedOut: WorkloadExit = { kind: 'timedOut', timeoutMs: 1_000 }
const cancelled: WorkloadExit = { kind: 'cancelled', detail: 'cleared by a user' }
const shutdown: WorkloadExit = { kind: 'shutdown', detail: 'the worker was stopped' }
const superseded: WorkloadExit = { kind: 'superseded' }
const neverStarted: WorkloadExit = { kind: 'neverStarted', detail: 'no such image' }
const lost: WorkloadExit = { kind: 'lost', detail: 'the heartbeat stopped' }
const EXITS = [null, cleanExit, exitOne, killed, timedOut, cancelled, shutdown, neverStarted, lost]

const failed = (cause: NonNullable<Extract<Outcome, { kind: 'settled' }>['cause']>): Outcome => ({
  kind: 'settled',
  state: 'failed',
  cause,
})

describe('a task that reported', () => {
  it.each(EXITS)('its success stands however its process ended: %o', (exit) => {
    const outcome = { kind: 'settled', state: 'success', cause: null }
    expect(resolveOutcome({ ...FIRST_OF_TWO, report: { state: 'success' }, exit })).toEqual(outcome)
  })

  it.each(EXITS)('its skip stands however its process ended: %o', (exit) => {
    const outcome = { kind: 'settled', state: 'skipped', cause: null }
    expect(resolveOutcome({ ...FIRST_OF_TWO, report: { state: 'skipped' }, exit })).toEqual(outcome)
  })

  it.each([
    { exit: null, cause: 'user_error' },
    { exit: cleanExit, cause: 'user_error' },
    { exit: exitOne, cause: 'nonzero_exit' },
    { exit: exitOne, error, cause: 'user_error' },
    { exit: killed, cause: 'out_of_memory_killed' },
    { exit: killed, error, cause: 'user_error' },
    { exit: timedOut, cause: 'timed_out' },
    { exit: timedOut, error, cause: 'timed_out' },
    { exit: shutdown, error, cause: 'shutdown' },
    { exit: cancelled, error, cause: 'cancelled' },
    { exit: lost, cause: 'lost' },
    { exit: neverStarted, cause: 'never_started' },
  ] as const)('failed with $exit and error $error: is final and caused by $cause', ({ cause, exit, ...thrown }) => {
    expect(resolveOutcome({ ...FIRST_OF_TWO, report: { state: 'failed', ...thrown }, exit })).toEqual(failed(cause))
  })

  it.each([
    { exit: null, cause: 'user_error' },
    { exit: exitOne, cause: 'nonzero_exit' },
    { exit: killed, cause: 'out_of_memory_killed' },
    { exit: timedOut, cause: 'timed_out' },
    { exit: shutdown, cause: 'shutdown' },
    { exit: lost, cause: 'lost' },
  ] as const)('asking for a retry with $exit gets it while tries are left', ({ cause, exit }) => {
    const report = { state: 'up_for_retry' } as const
    expect(resolveOutcome({ ...FIRST_OF_TWO, report, exit })).toEqual({ kind: 'retry', cause })
    expect(resolveOutcome({ ...LAST_OF_TWO, report, exit })).toEqual(failed(cause))
  })

  it('asking for a retry after it was cancelled is refused', () => {
    const ended = { ...FIRST_OF_TWO, report: { state: 'up_for_retry' }, exit: cancelled } as const
    expect(resolveOutcome(ended)).toEqual(failed('cancelled'))
  })
})

describe('a process that ended without a report', () => {
  it.each([
    { exit: cleanExit, cause: 'lost' },
    { exit: exitOne, cause: 'nonzero_exit' },
    { exit: killed, cause: 'out_of_memory_killed' },
    { exit: timedOut, cause: 'timed_out' },
    { exit: lost, cause: 'lost' },
  ] as const)('is retried while tries are left: $exit', ({ exit, cause }) => {
    expect(resolveOutcome({ ...FIRST_OF_TWO, exit })).toEqual({ kind: 'retry', cause })
    expect(resolveOutcome({ ...LAST_OF_TWO, exit })).toEqual(failed(cause))
  })

  it('is begun again whatever tries are left when the server ended it', () => {
    const outcome = { kind: 'restart', cause: 'shutdown' }
    expect(resolveOutcome({ ...FIRST_OF_TWO, exit: shutdown })).toEqual(outcome)
    expect(resolveOutcome({ ...LAST_OF_TWO, exit: shutdown })).toEqual(outcome)
  })

  it('fails without a retry when it was cancelled', () => {
    expect(resolveOutcome({ ...FIRST_OF_TWO, exit: cancelled })).toEqual(failed('cancelled'))
  })

  it('says nothing when its exit is not known either', () => {
    expect(resolveOutcome(FIRST_OF_TWO)).toEqual({ kind: 'ignore' })
  })
})

describe('a launch that never started', () => {
  it.each([FIRST_OF_TWO, LAST_OF_TWO])('is repeated while the launch budget lasts, on try $tryNumber', (ended) => {
    const outcome = { kind: 'relaunch', cause: 'never_started' }
    expect(resolveOutcome({ ...ended, exit: neverStarted, launchAttempts: 2 })).toEqual(outcome)
  })

  it('fails the task at once where each launch would be refused, whatever is left', () => {
    const ended = { ...FIRST_OF_TWO, exit: { ...neverStarted, isPermanent: true as const }, launchAttempts: 1 }
    expect(resolveOutcome(ended)).toEqual(failed('never_started'))
  })

  it('costs a try when the budget is used up', () => {
    const ended = { ...FIRST_OF_TWO, exit: neverStarted, launchAttempts: 3 }
    expect(resolveOutcome(ended)).toEqual({ kind: 'retry', cause: 'never_started' })
  })

  it('fails the task when the budget and the tries are used up', () => {
    const ended = { ...LAST_OF_TWO, exit: neverStarted, launchAttempts: 3 }
    expect(resolveOutcome(ended)).toEqual(failed('never_started'))
  })
})

it.each([null, 'success', 'failed', 'up_for_retry'] as const)(
  'a superseded try is ignored whatever it reported: %s',
  (state) => {
    const report = state === null ? null : { state }
    expect(resolveOutcome({ ...FIRST_OF_TWO, report, exit: superseded })).toEqual({ kind: 'ignore' })
  },
)
