import type { DagRunState } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { backfillAction, datesBetween, estimateMs, poolPressure, type ReprocessBehavior } from './backfill-plan.ts'

const at = (text: string): number => Date.parse(text)

describe('a date of a backfill', () => {
  it.each<[DagRunState | null, ReprocessBehavior, string]>([
    [null, 'none', 'create'],
    [null, 'completed', 'create'],
    ['failed', 'none', 'skip'],
    ['failed', 'failed', 'reprocess'],
    ['failed', 'completed', 'reprocess'],
    ['success', 'none', 'skip'],
    ['success', 'failed', 'skip'],
    ['success', 'completed', 'reprocess'],
    ['running', 'completed', 'skip'],
    ['queued', 'completed', 'skip'],
  ])('with a run that is %s, under "%s": %s', (existing, behavior, action) => {
    expect(backfillAction(existing, behavior)).toBe(action)
  })
})

describe('the dates of a backfill', () => {
  const daily = { kind: 'cron', expression: '0 6 * * *', timezone: 'Europe/Paris' } as const

  it('are those of the timetable, both ends included, over a change of the clocks', () => {
    const span = { from: at('2026-03-28T05:00:00Z'), to: at('2026-03-30T04:00:00Z'), limit: 10 }
    expect(datesBetween(daily, span).map(({ logicalDate }) => new Date(logicalDate).toISOString())).toEqual([
      '2026-03-28T05:00:00.000Z',
      '2026-03-29T04:00:00.000Z',
      '2026-03-30T04:00:00.000Z',
    ])
  })

  it('end one after the limit, and are none without a schedule', () => {
    const span = { from: 0, to: at('2026-01-01T00:00:00Z'), limit: 5 }
    expect(datesBetween(daily, span)).toHaveLength(6)
    expect(datesBetween({ kind: 'manual' }, span)).toEqual([])
  })
})

describe('a forecast', () => {
  const tasks = [
    { pool: 'default_pool', poolSlots: 1 },
    { pool: 'default_pool', poolSlots: 3 },
    { pool: 'small', poolSlots: 2 },
    { pool: 'absent', poolSlots: 1 },
  ]
  const pools = new Map([
    ['default_pool', 128],
    ['small', 4],
  ])

  it('says what each pool would have to bear', () => {
    expect(poolPressure({ tasks, maxActiveTasks: 1, runsAtOnce: 4, pools })).toEqual([
      { pool: 'absent', slots: null, needed: 4 },
      { pool: 'default_pool', slots: 128, needed: 12 },
      { pool: 'small', slots: 4, needed: 8 },
    ])
  })

  it('stretches by the pool that is too small, and says nothing without an earlier run', () => {
    const pressure = poolPressure({ tasks, maxActiveTasks: 1, runsAtOnce: 4, pools })
    const one = { runs: 10, runsAtOnce: 4, pressure }
    expect(estimateMs({ ...one, earlierRunsMs: [50_000, 10_000, 20_000] })).toBe(3 * 20_000 * 2)
    expect(estimateMs({ ...one, earlierRunsMs: [] })).toBeNull()
  })
})
