import type { RetryPolicy } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { launchBackoffMs, retryDelayMs } from './retry-delay.ts'

const policy = (overrides: Partial<RetryPolicy>): RetryPolicy => ({
  retries: 3,
  delayMs: 1_000,
  backoff: 1,
  maxDelayMs: 3_600_000,
  jitter: 0,
  ...overrides,
})

describe('retryDelayMs', () => {
  it.each([
    { name: 'is fixed with backoff 1', policy: policy({}), tryNumber: 7, unit: 0.9, delay: 1_000 },
    {
      name: 'is the plain delay after the first try',
      policy: policy({ backoff: 2 }),
      tryNumber: 1,
      unit: 0,
      delay: 1_000,
    },
    { name: 'doubles with backoff 2', policy: policy({ backoff: 2 }), tryNumber: 4, unit: 0, delay: 8_000 },
    { name: 'grows by fractions', policy: policy({ backoff: 1.5 }), tryNumber: 3, unit: 0, delay: 2_250 },
    {
      name: 'stops at the cap',
      policy: policy({ backoff: 2, maxDelayMs: 5_000 }),
      tryNumber: 4,
      unit: 0,
      delay: 5_000,
    },
    { name: 'is capped even at once', policy: policy({ maxDelayMs: 10 }), tryNumber: 1, unit: 0, delay: 10 },
    { name: 'survives an overflow', policy: policy({ backoff: 10 }), tryNumber: 10_000, unit: 0, delay: 3_600_000 },
    {
      name: 'stays 0 through an overflow',
      policy: policy({ delayMs: 0, backoff: 10 }),
      tryNumber: 10_000,
      unit: 0,
      delay: 0,
    },
    { name: 'spreads down by the jitter', policy: policy({ jitter: 0.2 }), tryNumber: 1, unit: 0, delay: 800 },
    {
      name: 'is unchanged in the middle of the jitter',
      policy: policy({ jitter: 0.2 }),
      tryNumber: 1,
      unit: 0.5,
      delay: 1_000,
    },
    { name: 'spreads up by the jitter', policy: policy({ jitter: 0.2 }), tryNumber: 1, unit: 0.999_999, delay: 1_200 },
    { name: 'keeps full jitter at or above 0', policy: policy({ jitter: 1 }), tryNumber: 1, unit: 0, delay: 0 },
    {
      name: 'spreads below the cap',
      policy: policy({ maxDelayMs: 1_000, jitter: 0.5 }),
      tryNumber: 9,
      unit: 0.5,
      delay: 750,
    },
    { name: 'treats a try below 1 as the first', policy: policy({ backoff: 2 }), tryNumber: 0, unit: 0, delay: 1_000 },
  ])('$name', ({ policy, tryNumber, unit, delay }) => {
    expect(retryDelayMs(policy, tryNumber, unit)).toBe(delay)
  })

  it('is a whole number between 0 and the cap for every policy', () => {
    const policies = fc.record({
      retries: fc.nat(),
      delayMs: fc.maxSafeNat(),
      backoff: fc.double({ min: 1, max: 1e6, noNaN: true }),
      maxDelayMs: fc.maxSafeNat(),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(
        policies,
        fc.nat(100_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (p, n, unit) => {
          const delay = retryDelayMs(p, n, unit)
          expect(Number.isInteger(delay) && delay >= 0 && delay <= p.maxDelayMs).toBe(true)
        },
      ),
    )
  })
})

describe('launchBackoffMs', () => {
  it.each([
    { attempts: 1, unit: 0, delay: 0 },
    { attempts: 1, unit: 0.5, delay: 500 },
    { attempts: 2, unit: 0.5, delay: 1_000 },
    { attempts: 6, unit: 0.5, delay: 16_000 },
    { attempts: 7, unit: 0.5, delay: 30_000 },
    { attempts: 100_000, unit: 0.5, delay: 30_000 },
    { attempts: 0, unit: 0.5, delay: 500 },
  ])('waits $delay ms after $attempts launches at $unit', ({ attempts, unit, delay }) => {
    expect(launchBackoffMs(attempts, unit)).toBe(delay)
  })
})
