/** A comparison by several numbers, the first that differs deciding; ascending. */
export function compareBy<T>(...keys: ReadonlyArray<(value: T) => number>): (a: T, b: T) => number {
  return (a, b) => {
    for (const key of keys) {
      const difference = key(a) - key(b)
      if (difference !== 0) return difference
    }
    return 0
  }
}
