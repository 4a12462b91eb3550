import type { Schedule } from '@fairlead/protocol'
import { describe, expect, it } from 'vitest'
import { nextDagRun, type TimetableInput } from './timetable.ts'

const NEW: TimetableInput = { lastLogicalDate: null, startDate: null, endDate: null, catchup: false, now: 0 }

/** `2025-03-30 02:30` in UTC as epoch milliseconds. */
const utc = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)
const text = (instant: number | undefined): string | null =>
  instant === undefined ? null : new Date(instant).toISOString().slice(0, 16).replace('T', ' ')

type Case = { [K in 'last' | 'start' | 'end']?: string } & { now: string; catchup?: boolean; next: string | null }

function next(schedule: Schedule, { last, start, end, now, catchup = false }: Omit<Case, 'next'>): string | null {
  const moment = (given: string | undefined) => (given === undefined ? null : utc(given))
  const dates = { lastLogicalDate: moment(last), startDate: moment(start), endDate: moment(end) }
  return text(nextDagRun(schedule, { ...dates, now: utc(now), catchup })?.logicalDate)
}

describe('a schedule of a fixed length', () => {
  const sixHours: Schedule = { kind: 'delta', everyMs: 6 * 3_600_000 }

  it.each<Case>([
    { now: '2025-06-10 12:34', next: '2025-06-10 12:34' },
    { start: '2025-06-01 01:00', now: '2025-06-10 12:00', catchup: true, next: '2025-06-01 01:00' },
    { start: '2025-06-01 01:00', now: '2025-06-10 12:00', next: '2025-06-10 07:00' },
    { start: '2025-07-01 01:00', now: '2025-06-10 12:00', next: '2025-07-01 01:00' },
    { last: '2025-06-01 01:00', now: '2025-06-10 12:00', catchup: true, next: '2025-06-01 07:00' },
    { last: '2025-06-10 07:00', now: '2025-06-10 12:00', next: '2025-06-10 13:00' },
    { last: '2025-06-10 07:00', now: '2025-06-10 12:00', end: '2025-06-10 12:59', next: null },
  ])('from $start to $end, last run $last, now $now, is next at $next', ({ next: expected, ...input }) => {
    expect(next(sixHours, input)).toBe(expected)
  })
})

describe('data intervals', () => {
  const daily: Schedule = { kind: 'cron', expression: '0 0 * * *', timezone: 'Europe/Berlin', dataIntervals: true }

  const interval = (schedule: Schedule, input: Partial<TimetableInput>): string | null => {
    const run = nextDagRun(schedule, { ...NEW, ...input })
    if (run === null) return null
    expect([run.logicalDate, run.runAfter]).toEqual([run.dataIntervalStart, run.dataIntervalEnd])
    return `${text(run.dataIntervalStart)} to ${text(run.dataIntervalEnd)}`
  }

  it('of a local day are as long as the day is', () => {
    const catchup = { catchup: true, now: utc('2025-12-01 00:00') }
    const from = (startDate: string) => interval(daily, { ...catchup, startDate: utc(startDate) })
    expect(from('2025-03-29 23:00')).toBe('2025-03-29 23:00 to 2025-03-30 22:00')
    expect(from('2025-10-25 22:00')).toBe('2025-10-25 22:00 to 2025-10-26 23:00')
  })

  it('follow each other without a gap, and none begins after the end date', () => {
    const dates = { startDate: utc('2025-06-01 00:00'), endDate: utc('2025-06-03 00:00'), now: utc('2025-07-01 00:00') }
    const ends: number[] = [utc('2025-06-01 22:00')]
    for (let lastLogicalDate: number | null = null; ;) {
      const run = nextDagRun(daily, { ...dates, catchup: true, lastLogicalDate })
      if (run === null) break
      expect(run.dataIntervalStart).toBe(ends.at(-1))
      ends.push(run.dataIntervalEnd)
      lastLogicalDate = run.logicalDate
    }
    expect(ends.map(text)).toEqual(['2025-06-01 22:00', '2025-06-02 22:00', '2025-06-03 22:00'])
  })

  it('without catch-up begin with the latest that is over', () => {
    const startDate = utc('2025-06-01 00:00')
    const late = { startDate, now: utc('2025-06-10 12:00') }
    expect(interval(daily, late)).toBe('2025-06-08 22:00 to 2025-06-09 22:00')
    expect(interval(daily, { ...late, lastLogicalDate: utc('2025-06-08 22:00') })).toBe(
      '2025-06-09 22:00 to 2025-06-10 22:00',
    )
    expect(interval(daily, { ...late, now: utc('2025-05-01 00:00') })).toBe('2025-06-01 22:00 to 2025-06-02 22:00')
  })

  it('of a fixed length follow from the start date', () => {
    const hourly: Schedule = { kind: 'delta', everyMs: 3_600_000, dataIntervals: true }
    const startDate = utc('2025-06-01 00:30')
    expect(interval(hourly, { startDate, catchup: true, now: startDate })).toBe('2025-06-01 00:30 to 2025-06-01 01:30')
    expect(interval(hourly, { startDate, now: utc('2025-06-01 05:00') })).toBe('2025-06-01 03:30 to 2025-06-01 04:30')
    expect(interval(hourly, { now: utc('2025-06-01 05:00') })).toBe('2025-06-01 04:00 to 2025-06-01 05:00')
  })
})
