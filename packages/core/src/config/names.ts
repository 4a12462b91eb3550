/** The three spellings of a key: `core.dagsFolder` in files, `core dags_folder` in commands, `FAIRLEAD__CORE__DAGS_FOLDER` in the environment. */

/** `dagsFolder` → `dags_folder`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** Name of the environment variable of a key. */
export function environmentName(section: string, key: string): string {
  return `FAIRLEAD__${snakeCase(section)}__${snakeCase(key)}`.toUpperCase()
}

/** The known name that is fewest edits away from `name`. */
export function nearestName(name: string, known: readonly string[]): string | null {
  let nearest: { name: string; edits: number } | null = null
  for (const candidate of known) {
    const edits = editsBetween(name.toLowerCase(), candidate.toLowerCase())
    if (nearest === null || edits < nearest.edits) nearest = { name: candidate, edits }
  }
  return nearest?.name ?? null
}

function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
