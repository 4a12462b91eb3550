/** Bounds of a backoff, in milliseconds. */
export interface Backoff {
  readonly firstMs: number
  readonly longestMs: number
}

/**
 * A delay between zero and a ceiling that doubles with each failure in a row, the first of which is 1. The whole range is
 * drawn from: callers that failed together do not come back together.
 */
export function fullJitterMs({ firstMs, longestMs }: Backoff, failuresInARow: number, random: () => number): number {
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(failuresInARow - 1, 30))
  return Math.ceil(random() * ceiling)
}
