/** A length of time. Its parts add up: `{ minutes: 1, seconds: 30 }`. */
export interface Duration {
  readonly days?: number
  readonly hours?: number
  readonly minutes?: number
  readonly seconds?: number
  readonly milliseconds?: number
}

const UNIT_MS: Record<keyof Duration, number> = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
}

/** The whole milliseconds of a duration, or null when it is not one: an unknown unit, a negative or endless part. */
export function millisecondsOf(duration: Duration): number | null {
  if (typeof duration !== 'object' || duration === null || Object.keys(duration).length === 0) return null
  let total = 0
  for (const [unit, amount] of Object.entries(duration)) {
    const unitMs = Object.hasOwn(UNIT_MS, unit) ? UNIT_MS[unit as keyof Duration] : undefined
    if (unitMs === undefined || typeof amount !== 'number' || !Number.isFinite(amount) || amount < 0) return null
    total += amount * unitMs
  }
  return Math.round(total)
}
