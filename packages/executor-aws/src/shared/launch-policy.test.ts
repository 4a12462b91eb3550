import { describe, expect, it } from 'vitest'
import type { AwsFailure } from './aws-failure.ts'
import { LaunchGate } from './launch-gate.ts'
import { decideLaunch, GATE_BACKOFFS, NO_HISTORY, type LaunchHistory } from './launch-policy.ts'

const HOUR_MS = 3_600_000
const CAPACITY = { firstMs: 30_000, longestMs: 600_000 }
const at = (now: number, random = 1) => ({
  now,
  random: () => random,
  capacityTimeoutMs: HOUR_MS,
  capacityBackoff: CAPACITY,
  gateMs: 700,
})
const failed = (kind: AwsFailure['kind']): AwsFailure => ({ kind, detail: 'why' })

describe('a launch that failed', () => {
  it.each(['throttled', 'credentials', 'unreachable'] as const)('waits when it is %s, at no cost', (kind) => {
    expect(decideLaunch(failed(kind), NO_HISTORY, at(0))).toEqual({
      kind: 'postpone',
      afterMs: 700,
      detail: 'why',
      history: NO_HISTORY,
    })
  })

  it('is refused at once, with the words of the service, when it would be refused again', () => {
    expect(decideLaunch(failed('permanent'), NO_HISTORY, at(0))).toEqual({ kind: 'refuse', detail: 'why' })
  })

  it('is repeated as it was when nobody knows what became of it', () => {
    expect(decideLaunch(failed('unknown'), NO_HISTORY, at(0))).toEqual({ kind: 'repeat', detail: 'why' })
  })

  it('waits for room from 30 seconds to 10 minutes, each time with a new request, and not for ever', () => {
    let history: LaunchHistory = NO_HISTORY
    const delays: number[] = []
    let now = 5
    for (;;) {
      const decision = decideLaunch(failed('capacity'), history, at(now))
      if (decision.kind !== 'postpone') {
        expect(decision).toEqual({ kind: 'refuse', detail: `There was no room for it within ${HOUR_MS} ms. why` })
        break
      }
      delays.push(decision.afterMs)
      expect(decision.history).toEqual({
        ...NO_HISTORY,
        request: delays.length + 1,
        noRoomCount: delays.length,
        noRoomSince: 5,
      })
      history = decision.history
      now += decision.afterMs
    }
    expect(delays.slice(0, 7)).toEqual([30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000])
    expect(now).toBeGreaterThanOrEqual(HOUR_MS)
  })

  it('waits for room for ever where no limit is set', () => {
    const circumstances = { ...at(1000 * HOUR_MS), capacityTimeoutMs: null }
    const decision = decideLaunch(
      failed('capacity'),
      { ...NO_HISTORY, request: 9, noRoomCount: 8, noRoomSince: 0 },
      circumstances,
    )
    expect(decision.kind).toBe('postpone')
  })

  it('spreads its delays over the whole range', () => {
    const delays = [0, 0.25, 0.5, 1].map((random) => {
      const decision = decideLaunch(failed('capacity'), NO_HISTORY, at(0, random))
      return decision.kind === 'postpone' ? decision.afterMs : null
    })
    expect(delays).toEqual([0, 0.25, 0.5, 1].map((part) => part * CAPACITY.firstMs))
  })
})

describe('the gate of an instance', () => {
  it('closes for longer with each failure in a row, up to its limit, and opens with an answer', () => {
    let now = 0
    const gate = new LaunchGate({ now: () => now, random: () => 1 })
    const closings: number[] = []
    for (let failures = 0; failures < 8; failures += 1) {
      gate.close(failed('throttled'))
      const before = now
      while (gate.waitMs() > 0) now += 100
      closings.push(now - before)
    }
    expect(closings).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
    expect(closings.at(-1)).toBe(GATE_BACKOFFS.throttled.longestMs)
    gate.open()
    expect([gate.waitMs(), gate.reason]).toEqual([0, null])
  })

  it('counts calls that failed together as one', () => {
    let now = 0
    const gate = new LaunchGate({ now: () => now, random: () => 1 })
    for (let call = 0; call < 16; call += 1) gate.close(failed('throttled'))
    now = 500
    expect(gate.waitMs()).toBe(0)
    expect(gate.reason).toBe('why')
  })

  it('stays open for what concerns one workload alone', () => {
    const gate = new LaunchGate({ now: () => 0, random: () => 1 })
    for (const kind of ['capacity', 'permanent', 'unknown'] as const) expect(gate.close(failed(kind))).toBe(0)
    expect([gate.waitMs(), gate.reason]).toEqual([0, null])
  })
})
