import type { Schedule } from '@fairlead/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextDagRun, scheduleError, type TimetableInput } from './timetable.ts'

const NEW: TimetableInput = { lastLogicalDate: null, startDate: null, endDate: null, catchup: false, now: 0 }

/** `2025-03-30 02:30` in UTC as epoch milliseconds. */
const utc = (text: string): number => Date.parse(`${text.replace(' ', 'T')}Z`)
const cron = (expression: string, timezone = 'UTC'): Schedule => ({ kind: 'cron', expression, timezone })
const text = (instant: number | undefined): string | null =>
  instant === undefined ? null : new Date(instant).toISOString().slice(0, 16).replace('T', ' ')

type Case = { [K in 'last' | 'start' | 'end']?: string } & { now: string; catchup?: boolean; next: string | null }

function next(schedule: Schedule, { last, start, end, now, catchup = false }: Omit<Case, 'next'>): string | null {
  const moment = (given: string | undefined) => (given === undefined ? null : utc(given))
  const dates = { lastLogicalDate: moment(last), startDate: moment(start), endDate: moment(end) }
  return text(nextDagRun(schedule, { ...dates, now: utc(now), catchup })?.logicalDate)
}

/** The first `count` instants from `start` on, with catch-up. */
function instants(schedule: Schedule, start: number, count: number): number[] {
  const found: number[] = []
  while (found.length < count) {
    const lastLogicalDate = found.at(-1) ?? null
    const run = nextDagRun(schedule, { ...NEW, startDate: start, lastLogicalDate, catchup: true })
    if (run === null) break
    found.push(run.logicalDate)
  }
  return found
}

it('gives a cron run its instant as logical date, both interval ends and run-after', () => {
  const at = utc('2025-06-02 00:00')
  expect(nextDagRun(cron('@daily'), { ...NEW, startDate: utc('2025-06-01 10:00'), catchup: true })).toEqual({
    logicalDate: at,
    dataIntervalStart: at,
    dataIntervalEnd: at,
    runAfter: at,
  })
})

describe('a daily schedule with catch-up', () => {
  it.each<Case>([
    { start: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-01 00:00' },
    { start: '2025-06-01 00:01', now: '2025-06-10 12:00', next: '2025-06-02 00:00' },
    { start: '2025-06-01 00:00', last: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-02 00:00' },
    { start: '2025-06-01 00:00', last: '2025-06-10 00:00', now: '2025-06-10 12:00', next: '2025-06-11 00:00' },
    { start: '2025-06-20 00:00', now: '2025-06-10 12:00', next: '2025-06-20 00:00' },
    { start: '2025-06-01 00:00', end: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-01 00:00' },
    { last: '2025-06-01 00:00', end: '2025-06-01 23:59', now: '2025-06-10 12:00', next: null },
  ])('from $start to $end, last run $last, next is $next', ({ next: expected, ...input }) => {
    expect(next(cron('@daily'), { ...input, catchup: true })).toBe(expected)
  })
})

describe('a daily schedule without catch-up', () => {
  it.each<Case>([
    { start: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-10 00:00' },
    { start: '2025-06-01 00:00', now: '2025-06-10 00:00', next: '2025-06-10 00:00' },
    { start: '2025-06-10 06:00', now: '2025-06-10 12:00', next: '2025-06-11 00:00' },
    { start: '2025-06-20 00:00', now: '2025-06-10 12:00', next: '2025-06-20 00:00' },
    { last: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-10 00:00' },
    { last: '2025-06-10 00:00', now: '2025-06-10 12:00', next: '2025-06-11 00:00' },
    { last: '2025-06-12 00:00', now: '2025-06-10 12:00', next: '2025-06-13 00:00' },
    { start: '2025-06-01 00:00', last: '2025-06-10 00:00', now: '2025-06-10 12:00', next: '2025-06-11 00:00' },
    { last: '2025-06-01 09:30', now: '2025-06-01 12:00', next: '2025-06-02 00:00' },
    { start: '2025-06-05 00:00', last: '2025-06-01 00:00', now: '2025-06-03 12:00', next: '2025-06-05 00:00' },
    { last: '2025-06-01 00:00', end: '2025-06-09 00:00', now: '2025-06-10 12:00', next: null },
    { last: '2025-06-01 00:00', end: '2025-06-10 00:00', now: '2025-06-10 12:00', next: '2025-06-10 00:00' },
  ])('from $start to $end, last run $last, at $now next is $next', ({ next: expected, ...input }) => {
    expect(next(cron('@daily'), input)).toBe(expected)
  })
})

describe('a Dag without a start date, seen for the first time', () => {
  it.each([
    {
      name: 'takes the instant that is now',
      expression: '@hourly',
      now: '2025-06-01 12:00',
      expected: '2025-06-01 12:00',
    },
    {
      name: 'takes one a tenth of the period ago',
      expression: '@hourly',
      now: '2025-06-01 12:06',
      expected: '2025-06-01 12:00',
    },
    { name: 'leaves an older one', expression: '@hourly', now: '2025-06-01 12:07', expected: '2025-06-01 13:00' },
    {
      name: 'takes one five minutes ago',
      expression: '*/10 * * * *',
      now: '2025-06-01 12:05',
      expected: '2025-06-01 12:00',
    },
    { name: 'scales with the period', expression: '@daily', now: '2025-06-01 02:24', expected: '2025-06-01 00:00' },
  ])('$name', ({ expression, now, expected }) => {
    expect(next(cron(expression), { now, catchup: true })).toBe(expected)
  })

  it('runs the latest instant without catch-up only when it is as recent as that', () => {
    expect(next(cron('@hourly'), { now: '2025-06-01 12:06' })).toBe('2025-06-01 12:00')
    expect(next(cron('@hourly'), { now: '2025-06-01 12:07' })).toBe('2025-06-01 13:00')
  })
})

describe('schedules that are not cron', () => {
  const once: Schedule = { kind: 'once' }

  it('a manual schedule never runs', () => {
    expect(next({ kind: 'manual' }, { start: '2025-06-01 00:00', now: '2025-06-02 00:00', catchup: true })).toBe(null)
  })

  it.each<Case>([
    { now: '2025-06-10 12:00', next: '2025-06-10 12:00' },
    { start: '2025-06-01 00:00', now: '2025-06-10 12:00', next: '2025-06-01 00:00' },
    { start: '2025-07-01 00:00', now: '2025-06-10 12:00', next: '2025-07-01 00:00' },
    { start: '2025-06-01 00:00', last: '2025-06-01 00:00', now: '2025-06-10 12:00', next: null },
    { start: '2025-06-01 00:00', end: '2025-05-01 00:00', now: '2025-06-10 12:00', next: null },
    { now: '2025-06-10 12:00', end: '2025-05-01 00:00', next: null },
  ])('once, from $start to $end, last run $last, is next at $next', ({ next: expected, ...input }) => {
    expect(next(once, input)).toBe(expected)
  })
})

describe('daylight saving time', () => {
  it.each([
    // Europe/Paris: 2025-03-30 02:00 to 03:00 is skipped, 2025-10-26 02:00 to 03:00 happens twice.
    {
      rule: 'a time in the gap runs when the gap ends',
      zone: 'Europe/Paris',
      expression: '30 2 * * *',
      from: '2025-03-29 12:00',
      runs: ['2025-03-30 01:00', '2025-03-31 00:30'],
    },
    {
      rule: 'two times in the gap run once',
      zone: 'Europe/Paris',
      expression: '0,30 2 * * *',
      from: '2025-03-29 12:00',
      runs: ['2025-03-30 01:00', '2025-03-31 00:00', '2025-03-31 00:30'],
    },
    {
      rule: 'a repeated time runs the first time',
      zone: 'Europe/Paris',
      expression: '30 2 * * *',
      from: '2025-10-25 12:00',
      runs: ['2025-10-26 00:30', '2025-10-27 01:30'],
    },
    {
      rule: 'a list of hours counts as fixed',
      zone: 'Europe/Paris',
      expression: '30 2,14 * * *',
      from: '2025-10-25 13:00',
      runs: ['2025-10-26 00:30', '2025-10-26 13:30', '2025-10-27 01:30'],
    },
    {
      rule: 'hourly runs every hour over the gap',
      zone: 'Europe/Paris',
      expression: '30 * * * *',
      from: '2025-03-30 00:00',
      runs: ['2025-03-30 00:30', '2025-03-30 01:30', '2025-03-30 02:30'],
    },
    {
      rule: 'hourly runs both repeated hours',
      zone: 'Europe/Paris',
      expression: '30 * * * *',
      from: '2025-10-25 23:40',
      runs: ['2025-10-26 00:30', '2025-10-26 01:30', '2025-10-26 02:30'],
    },
    {
      rule: 'midnight shifts in UTC',
      zone: 'Europe/Paris',
      expression: '@daily',
      from: '2025-03-29 12:00',
      runs: ['2025-03-29 23:00', '2025-03-30 22:00'],
    },
    // America/New_York: 2025-03-09 02:00 to 03:00 is skipped, 2025-11-02 01:00 to 02:00 happens twice.
    {
      rule: 'a time in the gap runs when the gap ends',
      zone: 'America/New_York',
      expression: '15 2 * * *',
      from: '2025-03-08 12:00',
      runs: ['2025-03-09 07:00', '2025-03-10 06:15'],
    },
    {
      rule: 'a repeated time runs the first time',
      zone: 'America/New_York',
      expression: '15 1 * * *',
      from: '2025-11-01 12:00',
      runs: ['2025-11-02 05:15', '2025-11-03 06:15'],
    },
    {
      rule: 'a weekday schedule is untouched',
      zone: 'America/New_York',
      expression: '0 9 * * 1-5',
      from: '2025-03-07 15:00',
      runs: ['2025-03-10 13:00', '2025-03-11 13:00'],
    },
    // Australia/Lord_Howe moves by half an hour: 2025-10-05 02:00 to 02:30 is skipped, 2025-04-06 01:30 to 02:00 repeats.
    {
      rule: 'a time in the half-hour gap runs when it ends',
      zone: 'Australia/Lord_Howe',
      expression: '15 2 * * *',
      from: '2025-10-04 00:00',
      runs: ['2025-10-04 15:30', '2025-10-05 15:15'],
    },
    {
      rule: 'a time after the half-hour gap is kept',
      zone: 'Australia/Lord_Howe',
      expression: '45 2 * * *',
      from: '2025-10-04 00:00',
      runs: ['2025-10-04 15:45', '2025-10-05 15:45'],
    },
    {
      rule: 'a repeated half hour runs the first time',
      zone: 'Australia/Lord_Howe',
      expression: '45 1 * * *',
      from: '2025-04-05 00:00',
      runs: ['2025-04-05 14:45', '2025-04-06 15:15'],
    },
    {
      rule: 'a step follows elapsed time',
      zone: 'Australia/Lord_Howe',
      expression: '*/15 * * * *',
      from: '2025-04-05 14:40',
      runs: ['2025-04-05 14:45', '2025-04-05 15:00', '2025-04-05 15:15', '2025-04-05 15:30'],
    },
    // Pacific/Apia had no 30 December 2011.
    {
      rule: 'a local day that does not exist has no run',
      zone: 'Pacific/Apia',
      expression: '0 12 * * *',
      from: '2011-12-29 00:00',
      runs: ['2011-12-29 22:00', '2011-12-30 22:00', '2011-12-31 22:00'],
    },
  ])('$zone: $rule ($expression)', ({ zone, expression, from, runs }) => {
    expect(instants(cron(expression, zone), utc(from), runs.length).map(text)).toEqual(runs)
  })

  it('finds the latest missed instant in a repeated hour', () => {
    const daily = cron('30 2 * * *', 'Europe/Paris')
    expect(next(daily, { last: '2025-10-24 00:30', now: '2025-10-26 00:29' })).toBe('2025-10-25 00:30')
    expect(next(daily, { last: '2025-10-24 00:30', now: '2025-10-26 00:30' })).toBe('2025-10-26 00:30')
    expect(next(daily, { last: '2025-10-24 00:30', now: '2025-10-26 01:30' })).toBe('2025-10-26 00:30')
    expect(next(daily, { last: '2025-10-26 00:30', now: '2025-10-26 01:30' })).toBe('2025-10-27 01:30')
  })

  it('finds the latest missed instant in a gap', () => {
    const daily = cron('30 2 * * *', 'Europe/Paris')
    expect(next(daily, { last: '2025-03-27 01:30', now: '2025-03-30 00:59' })).toBe('2025-03-29 01:30')
    expect(next(daily, { last: '2025-03-27 01:30', now: '2025-03-30 01:00' })).toBe('2025-03-30 01:00')
  })

  it('runs a fixed time exactly once on every local day', () => {
    const zones = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Cairo', 'UTC')
    fc.assert(
      fc.property(zones, fc.nat(59), fc.nat(23), fc.integer({ min: 2023, max: 2035 }), (zone, minute, hour, year) => {
        const localDay = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
        const days = instants(cron(`${minute} ${hour} * * *`, zone), Date.UTC(year, 0, 3), 360)
        const firstDay = Date.parse(localDay.format(days[0]))
        expect(days.map((day) => Math.round((Date.parse(localDay.format(day)) - firstDay) / 86_400_000))).toEqual([
          ...days.keys(),
        ])
      }),
      { numRuns: 25 },
    )
  })
})

describe('the calendar', () => {
  it.each([
    { expression: '0 0 29 2 *', from: '2023-01-01 00:00', runs: ['2024-02-29 00:00', '2028-02-29 00:00'] },
    { expression: '0 0 29 2 *', from: '2096-03-01 00:00', runs: ['2104-02-29 00:00'] },
    {
      expression: '0 0 31 * *',
      from: '2025-01-01 00:00',
      runs: ['2025-01-31 00:00', '2025-03-31 00:00', '2025-05-31 00:00'],
    },
    { expression: '0 0 L * *', from: '2024-02-01 00:00', runs: ['2024-02-29 00:00', '2024-03-31 00:00'] },
    { expression: '0 0 13 * FRI', from: '2025-06-11 00:00', runs: ['2025-06-13 00:00', '2025-06-20 00:00'] },
    { expression: '0 0 * * MON#2', from: '2025-06-01 00:00', runs: ['2025-06-09 00:00', '2025-07-14 00:00'] },
    { expression: '@hourly', from: '2025-06-01 00:30', runs: ['2025-06-01 01:00'] },
    { expression: '@weekly', from: '2025-06-02 00:00', runs: ['2025-06-08 00:00'] },
    { expression: '@monthly', from: '2025-06-02 00:00', runs: ['2025-07-01 00:00'] },
    {
      expression: '@quarterly',
      from: '2025-02-02 00:00',
      runs: ['2025-04-01 00:00', '2025-07-01 00:00', '2025-10-01 00:00', '2026-01-01 00:00'],
    },
    { expression: '@yearly', from: '2025-06-02 00:00', runs: ['2026-01-01 00:00'] },
  ])('$expression from $from runs at $runs', ({ expression, from, runs }) => {
    expect(instants(cron(expression), utc(from), runs.length).map(text)).toEqual(runs)
  })

  it.each([true, false])('a date that never comes has no run (catchup %s)', (catchup) => {
    const start = '2025-01-01 00:00'
    expect(next(cron('0 0 30 2 *'), { start, now: '2025-06-01 00:00', catchup })).toBe(null)
    expect(next(cron('0 0 30 2 *'), { now: '2025-06-01 00:00', catchup })).toBe(null)
    expect(next(cron('0 0 30 2 *'), { last: start, now: '2025-06-01 00:00', catchup })).toBe(null)
  })
})

describe('properties', () => {
  const expressions = fc.constantFrom(
    '@hourly',
    '30 2 * * *',
    '*/7 * * * *',
    '0 9 * * 1-5',
    '15 1,2,3 * * 0',
    '@monthly',
  )
  const zones = fc.constantFrom('Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC')
  const moments = fc.integer({ min: utc('2024-01-01 00:00'), max: utc('2027-01-01 00:00') })

  it('without catch-up picks the latest instant that has come, else the first to come', () => {
    fc.assert(
      fc.property(expressions, zones, moments, moments, (expression, zone, startDate, now) => {
        const schedule = cron(expression, zone)
        const picked = nextDagRun(schedule, { ...NEW, startDate, now })?.logicalDate ?? Number.NaN
        const following = instants(schedule, picked, 2)
        expect(picked).toBeGreaterThanOrEqual(startDate)
        expect(following[0]).toBe(picked)
        if (picked <= now) expect(following[1]).toBeGreaterThan(now)
        else expect(picked).toBe(instants(schedule, Math.max(startDate, now), 1)[0])
      }),
    )
  })

  it('never gives the same logical date twice, nor an earlier one', () => {
    const inputs = fc.record({ lastLogicalDate: moments, now: moments, catchup: fc.boolean() })
    fc.assert(
      fc.property(expressions, zones, inputs, (expression, zone, input) => {
        const run = nextDagRun(cron(expression, zone), { ...NEW, ...input })
        expect(run?.logicalDate).toBeGreaterThan(input.lastLogicalDate)
      }),
    )
  })
})

describe('scheduleError', () => {
  it.each<Schedule>([
    { kind: 'manual' },
    { kind: 'once' },
    cron('*/5 * * * *'),
    cron('0 0 * * 7', 'Europe/Paris'),
    cron('0 0 1 JAN MON-FRI'),
    cron('@daily'),
    cron('@quarterly'),
    cron('0 0 29 2 *'),
  ])('accepts %o', (schedule) => {
    expect(scheduleError(schedule)).toBe(null)
  })

  it.each([
    { expression: '', error: 'The cron expression "" needs five fields' },
    { expression: '* * * *', error: 'The cron expression "* * * *" needs five fields' },
    { expression: '0 * * * * *', error: 'needs five fields: minute, hour, day of month, month, day of week' },
    { expression: '2025-01-01T00:00:00', error: 'needs five fields' },
    { expression: '1 Jan 2025 00:00 UTC', error: 'needs five fields' },
    { expression: '@reboot', error: 'needs five fields' },
    { expression: '61 * * * *', error: 'The cron expression "61 * * * *" is not valid: Invalid value for minute: 61' },
    { expression: '0/15 * * * *', error: 'Use wildcard (*/step) or range (min-max/step)' },
    { expression: '0 0 30 2 *', error: 'The cron expression "0 0 30 2 *" matches no date.' },
  ])('refuses "$expression"', ({ expression, error }) => {
    expect(scheduleError(cron(expression))).toContain(error)
  })

  it.each(['0 * * * * *', '61 * * * *'])(
    'an expression it refuses does not become a schedule of another meaning: "%s"',
    (expression) => {
      expect(() => next(cron(expression), { now: '2025-06-10 12:00' })).toThrow('CronPattern')
    },
  )

  it.each(['', 'Mars/Base', '+02:00', 'Europe/Pari'])('refuses the time zone "%s"', (zone) => {
    const error = `"${zone}" is not a time zone. Use an IANA name such as "Europe/Paris" or "UTC".`
    expect(scheduleError(cron('@daily', zone))).toBe(error)
  })
})
