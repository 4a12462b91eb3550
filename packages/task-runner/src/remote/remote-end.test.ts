import { describe, expect, it } from 'vitest'
import { exitCodeOf, type RemoteEnd } from './remote-end.ts'

describe('the exit code of a worker', () => {
  const ended = (given: Partial<Extract<RemoteEnd, { kind: 'ended' }>>): RemoteEnd => ({
    kind: 'ended',
    exit: { kind: 'exited', exitCode: 0 },
    state: 'success',
    report: { kind: 'told' },
    isLogSent: true,
    ...given,
  })
  const shutdown = { kind: 'shutdown', detail: 'told to stop' } as const

  it.each<[string, RemoteEnd, number]>([
    ['a success', ended({}), 0],
    ['a skip', ended({ state: 'skipped' }), 0],
    ['a success that somebody had settled otherwise', ended({ report: { kind: 'refused', message: 'no' } }), 0],
    ['a failure', ended({ state: 'failed', exit: { kind: 'exited', exitCode: 7 } }), 1],
    ['a failure that is tried again', ended({ state: 'up_for_retry' }), 1],
    ['a task that took too long', ended({ state: 'failed', exit: { kind: 'timedOut', timeoutMs: 1 } }), 1],
    ['a ticket that was refused', { kind: 'neverStarted', detail: 'superseded' }, 64],
    ['an API that is away', { kind: 'unreachable', detail: 'nobody' }, 65],
    ['an outcome that nobody heard of', ended({ report: { kind: 'untold', detail: 'nobody' } }), 70],
    ['a supervisor that failed', ended({ exit: { kind: 'lost', detail: 'bug' }, state: null, report: null }), 70],
    ['a stop', ended({ exit: shutdown, state: 'failed' }), 143],
    ['a stop that nobody heard of', ended({ exit: shutdown, report: { kind: 'untold', detail: 'nobody' } }), 70],
    ['a task that another hand-over has', ended({ exit: { kind: 'superseded' }, state: null, report: null }), 143],
  ])('of %s', (_what, end, code) => {
    expect(exitCodeOf(end)).toBe(code)
  })
})
