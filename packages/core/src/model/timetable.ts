import type { Schedule } from '@fairlead/protocol'
import { Cron } from 'croner'
import { messageOf } from './message-of.ts'

/**
 * When a Dag's next scheduled run is due. As with Airflow 3's trigger timetables the run is created at its instant,
 * which is also its logical date and both ends of its data interval; with data intervals, as with Airflow 2's, it covers
 * the time from its logical date to the next instant, and is created then. All times are epoch milliseconds.
 *
 * Invariant: a fixed time of day runs once per local day. In a DST gap it runs when the gap ends (not an hour after
 * it, as in Airflow), in a repeated hour the first time. Wildcards and steps follow elapsed time instead.
 */

/** What the next run depends on. `now` is only compared with: the clock is never read. */
export interface TimetableInput {
  lastLogicalDate: number | null
  /** First and last moment a run may have, both included. */
  startDate: number | null
  endDate: number | null
  /** True: every missed instant gets a run. False: only the latest missed one. */
  catchup: boolean
  now: number
}

/** A run to create once `runAfter` has come. */
export interface NextDagRun {
  logicalDate: number
  dataIntervalStart: number
  dataIntervalEnd: number
  runAfter: number
}

/**
 * The next scheduled run, due or still to come, or null when there is none. The schedule must be one that
 * {@link scheduleError} accepts.
 */
export function nextDagRun(schedule: Schedule, input: TimetableInput): NextDagRun | null {
  const next = scheduledRun(schedule, input)
  return next === null || (input.endDate !== null && next.logicalDate > input.endDate) ? null : next
}

/** Why a schedule cannot be used, as a sentence for its author, or null when it can. */
export function scheduleError(schedule: Schedule): string | null {
  if (schedule.kind !== 'cron') return null
  if (!isTimeZone(schedule.timezone)) {
    return `"${schedule.timezone}" is not a time zone. Use an IANA name such as "Europe/Paris" or "UTC".`
  }
  const quoted = `The cron expression "${schedule.expression}"`
  const expression = expand(schedule.expression)
  // croner would read a date as a schedule that runs once.
  if (expression.includes(':') || expression.trim().split(/\s+/).length !== 5) {
    return `${quoted} needs five fields: minute, hour, day of month, month, day of week; or a preset such as @daily.`
  }
  try {
    return after(parseCron(schedule), 0) === null ? `${quoted} matches no date.` : null
  } catch (error) {
    const reason = messageOf(error).replace('CronPattern: ', '')
    return `${quoted} is not valid: ${reason}`
  }
}

function scheduledRun(schedule: Schedule, input: TimetableInput): NextDagRun | null {
  switch (schedule.kind) {
    case 'manual':
      return null
    case 'once':
      return input.lastLogicalDate === null ? runAt(input.startDate ?? input.now) : null
    case 'cron':
    case 'delta': {
      const instants = schedule.kind === 'cron' ? cronInstants(schedule) : deltaInstants(schedule.everyMs, input)
      return schedule.dataIntervals === true ? nextInterval(instants, input) : runAt(nextInstant(instants, input))
    }
    default:
      return schedule satisfies never
  }
}

function runAt(instant: number | null): NextDagRun | null {
  if (instant === null) return null
  return { logicalDate: instant, dataIntervalStart: instant, dataIntervalEnd: instant, runAfter: instant }
}

/** The moments of a schedule. */
interface Instants {
  after(moment: number): number | null
  atOrBefore(moment: number): number | null
}

function nextInstant(instants: Instants, input: TimetableInput): number | null {
  const next = firstAfterLast(instants, input)
  if (input.catchup || next === null) return next
  const latestMissed = instants.atOrBefore(input.now)
  const earliest = input.startDate === null ? null : instants.after(input.startDate - 1)
  return Math.max(next, latestMissed ?? next, earliest ?? next)
}

/** The first interval that is to be covered; without catch-up the latest one that is over, if that is later. */
function nextInterval(instants: Instants, input: TimetableInput): NextDagRun | null {
  const { lastLogicalDate, startDate, catchup, now } = input
  const first =
    lastLogicalDate === null && startDate === null
      ? before(instants, firstWithoutStart(instants, now))
      : firstAfterLast(instants, input)
  if (first === null) return null
  const latest = catchup ? null : before(instants, instants.atOrBefore(now))
  const start = Math.max(first, latest ?? first)
  const end = instants.after(start)
  return end === null ? null : { logicalDate: start, dataIntervalStart: start, dataIntervalEnd: end, runAfter: end }
}

function firstAfterLast(instants: Instants, input: TimetableInput): number | null {
  if (input.lastLogicalDate !== null) return instants.after(input.lastLogicalDate)
  if (input.startDate !== null) return instants.after(input.startDate - 1)
  return firstWithoutStart(instants, input.now)
}

const SHORTEST_GRACE_MS = 5 * 60_000

/** A Dag seen for the first time just after an instant still gets its run: within a tenth of the period, or five minutes. */
function firstWithoutStart(instants: Instants, now: number): number | null {
  const previous = instants.atOrBefore(now)
  const next = instants.after(now - 1)
  if (previous === null || next === null) return next
  const graceMs = Math.max((next - previous) / 10, SHORTEST_GRACE_MS)
  return now - previous <= graceMs ? previous : next
}

function before(instants: Instants, moment: number | null): number | null {
  return moment === null ? null : instants.atOrBefore(moment - 1)
}

function cronInstants(schedule: Extract<Schedule, { kind: 'cron' }>): Instants {
  const cron = parseCron(schedule)
  return {
    after: (moment) => after(cron, moment),
    atOrBefore: (moment) => cron.previousRuns(1, new Date(moment + 1))[0]?.getTime() ?? null,
  }
}

/** Counted from the last run, else from the start date, else from now on. */
function deltaInstants(everyMs: number, { lastLogicalDate, startDate, now }: TimetableInput): Instants {
  const anchor = lastLogicalDate ?? startDate ?? now
  const stepsTo = (moment: number): number => Math.floor((moment - anchor) / everyMs)
  return {
    after: (moment) => anchor + (stepsTo(moment) + 1) * everyMs,
    atOrBefore: (moment) => anchor + stepsTo(moment) * everyMs,
  }
}

function after(cron: Cron, moment: number): number | null {
  return cron.nextRun(new Date(moment))?.getTime() ?? null
}

function parseCron(schedule: Extract<Schedule, { kind: 'cron' }>): Cron {
  return new Cron(expand(schedule.expression), {
    timezone: schedule.timezone,
    mode: '5-part',
    fixedTimeRule: 'no-wildcard',
  })
}

const PRESETS = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@quarterly', '0 0 1 */3 *'],
  ['@yearly', '0 0 1 1 *'],
])

function expand(expression: string): string {
  return PRESETS.get(expression) ?? expression
}

/** Offsets such as "+02:00" are refused: not every supported Node knows them. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0)
    return true
  } catch {
    // Intl has no other way to ask than to fail.
    return false
  }
}
