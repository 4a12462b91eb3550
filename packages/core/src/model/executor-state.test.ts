import { describe, expect, it } from 'vitest'
import {
  afterFailure,
  leftAlone,
  stateOf,
  type ExecutorCondition,
  type ExecutorDrain,
  type ExecutorFailure,
} from './executor-state.ts'

const failure = (how: ExecutorFailure['how'], member = 'sync'): ExecutorFailure => ({
  member,
  how,
  reason: 'no answer',
  at: 50,
})
const STARTING: ExecutorCondition = { kind: 'starting', since: 10 }
const HEALTHY: ExecutorCondition = { kind: 'healthy', since: 20 }
const TRIED: ExecutorCondition = { kind: 'degraded', since: 30, reason: 'start: no', failures: 4, nextTryAt: null }
const LEFT: ExecutorCondition = { ...TRIED, nextTryAt: 99 }
const STOPPED: ExecutorCondition = { kind: 'stopped', since: 40 }
const degraded = (since: number, failures: number, reason = 'sync: no answer'): ExecutorCondition => ({
  kind: 'degraded',
  since,
  reason,
  failures,
  nextTryAt: null,
})

describe('the condition of an executor after a failure', () => {
  it.each<[string, ExecutorCondition, ExecutorFailure, number, ExecutorCondition]>([
    ['one throw is a hiccup', HEALTHY, failure('threw'), 1, HEALTHY],
    ['two throws are too', HEALTHY, failure('threw'), 2, HEALTHY],
    ['the third throw in a row degrades', HEALTHY, failure('threw'), 3, degraded(50, 0)],
    ['a hang degrades at once', HEALTHY, failure('timedOut'), 1, degraded(50, 0)],
    ['blocking the event loop degrades at once', HEALTHY, failure('blocked'), 1, degraded(50, 0)],
    ['a task that cannot be stopped is no ailment', HEALTHY, failure('threw', 'revokeTask'), 9, HEALTHY],
    ['nor is a stop that takes long', HEALTHY, failure('timedOut', 'revokeTask'), 1, HEALTHY],
    ['not even while it starts', STARTING, failure('timedOut', 'revokeTask'), 1, STARTING],
    [
      'a stop that blocks the event loop is one',
      HEALTHY,
      failure('blocked', 'revokeTask'),
      1,
      degraded(50, 0, 'revokeTask: no answer'),
    ],
    ['one that never started is degraded since it began', STARTING, failure('threw'), 1, degraded(10, 0)],
    ['the newest reason is shown, and since when stays', TRIED, failure('threw'), 1, degraded(30, 4)],
    ['between two tries nothing counts', LEFT, failure('threw'), 9, LEFT],
    ['a stopped one stays stopped', STOPPED, failure('blocked'), 1, STOPPED],
  ])('%s', (_name, condition, event, inARow, expected) => {
    expect(afterFailure(condition, event, inARow)).toEqual(expected)
  })
})

describe('a degraded executor', () => {
  it('is left alone ever longer, up to a minute, and is never given up', () => {
    let condition = degraded(0, 0) as Extract<ExecutorCondition, { kind: 'degraded' }>
    const waits = Array.from({ length: 10 }, () => {
      condition = leftAlone(condition, 1_000, 1)
      return (condition.nextTryAt ?? 0) - 1_000
    })
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(condition.failures).toBe(10)
  })

  it('is tried anywhere between at once and the longest wait', () => {
    const condition = degraded(0, 3) as Extract<ExecutorCondition, { kind: 'degraded' }>
    expect([0, 0.5, 1].map((unit) => leftAlone(condition, 0, unit).nextTryAt)).toEqual([0, 2_000, 4_000])
  })
})

describe('the state that is shown', () => {
  const drain: ExecutorDrain = { to: 'other', moveRunning: true, since: 60 }
  it.each<[string, ExecutorCondition, ExecutorDrain | null, string]>([
    ['without a drain, the condition', HEALTHY, null, 'healthy'],
    ['a healthy one that drains is draining', HEALTHY, drain, 'draining'],
    ['what ails it matters more', TRIED, drain, 'degraded'],
    ['one that starts is starting', STARTING, drain, 'starting'],
  ])('%s', (_name, condition, order, kind) => {
    expect(stateOf(condition, order).kind).toBe(kind)
  })
})
