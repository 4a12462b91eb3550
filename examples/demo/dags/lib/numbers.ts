/** The sum; 0 for nothing. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** The mean; 0 for nothing. */
export function average(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length
}
