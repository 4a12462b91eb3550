import type { Schedule } from '@fairlead/protocol'
import { Cron } from 'croner'

/**
 * When a Dag's next scheduled run is due. Cron follows Airflow 3's CronTriggerTimetable: the run is created at the cron
 * instant, which is also its logical date and both ends of its data interval. All times are epoch milliseconds.
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
  const instant = nextInstant(schedule, input)
  if (instant === null || (input.endDate !== null && instant > input.endDate)) return null
  return { logicalDate: instant, dataIntervalStart: instant, dataIntervalEnd: instant, runAfter: instant }
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
    const reason = error instanceof Error ? error.message.replace('CronPattern: ', '') : String(error)
    return `${quoted} is not valid: ${reason}`
  }
}

function nextInstant(schedule: Schedule, input: TimetableInput): number | null {
  switch (schedule.kind) {
    case 'manual':
      return null
    case 'once':
      return input.lastLogicalDate === null ? (input.startDate ?? input.now) : null
    case 'cron':
      return nextCronInstant(parseCron(schedule), input)
    default:
      return schedule satisfies never
  }
}

function nextCronInstant(cron: Cron, input: TimetableInput): number | null {
  const next = firstAfterLast(cron, input)
  if (input.catchup || next === null) return next
  const latestMissed = atOrBefore(cron, input.now)
  const earliest = input.startDate === null ? null : atOrAfter(cron, input.startDate)
  return Math.max(next, latestMissed ?? next, earliest ?? next)
}

function firstAfterLast(cron: Cron, input: TimetableInput): number | null {
  if (input.lastLogicalDate !== null) return after(cron, input.lastLogicalDate)
  if (input.startDate !== null) return atOrAfter(cron, input.startDate)
  return firstWithoutStart(cron, input.now)
}

const SHORTEST_GRACE_MS = 5 * 60_000

/** A Dag seen for the first time just after an instant still gets its run: within a tenth of the period, or five minutes. */
function firstWithoutStart(cron: Cron, now: number): number | null {
  const previous = atOrBefore(cron, now)
  const next = atOrAfter(cron, now)
  if (previous === null || next === null) return next
  const graceMs = Math.max((next - previous) / 10, SHORTEST_GRACE_MS)
  return now - previous <= graceMs ? previous : next
}

function after(cron: Cron, moment: number): number | null {
  return cron.nextRun(new Date(moment))?.getTime() ?? null
}

function atOrAfter(cron: Cron, moment: number): number | null {
  return after(cron, moment - 1)
}

function atOrBefore(cron: Cron, moment: number): number | null {
  return cron.previousRuns(1, new Date(moment + 1))[0]?.getTime() ?? null
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
