/** What every scene is asked. */
export interface SceneOptions {
  readonly engine: 'sqlite' | 'postgres'
  readonly repeat: number
  /** Task instances of the scheduler's scenes. */
  readonly sizes: readonly number[]
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which `share` of the numbers lie. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** As many digits as are worth reading. */
export function round(value: number): number {
  return Number(value.toPrecision(4))
}

/** Tells progress; the result alone goes to standard output. */
export function say(text: string): void {
  console.error(text)
}
