/** How many spares are worth keeping and which bundles are worth loading ahead, from what was asked for lately. */
export class SpareDemand {
  readonly #base: number
  #recent: { bundlePath: string; at: number }[] = []

  constructor(base: number) {
    this.#base = base
  }

  /** A task of this bundle was started, or will be soon. */
  note(bundlePath: string, now: number): void {
    this.#recent.push({ bundlePath, at: now })
    if (this.#recent.length > Math.max(1, this.#base * 2)) this.#recent.shift()
  }

  /** This bundle does not load. */
  forget(bundlePath: string): void {
    this.#recent = this.#recent.filter((use) => use.bundlePath !== bundlePath)
  }

  /** The configured number; up to twice that while tasks start faster. */
  target(now: number): number {
    const lately = this.#recent.filter(({ at }) => now - at < BUSY_WINDOW_MS).length
    return Math.min(this.#base * 2, Math.max(this.#base, lately))
  }

  /** The bundle that the next bare spare should load, or null to keep it bare. */
  nextToPreload(loaded: readonly (string | null)[]): string | null {
    // With three or more, one stays bare for a Dag that was not seen lately.
    if (loaded.length >= 3 && loaded.filter((bundle) => bundle === null).length <= 1) return null
    const newestFirst = this.#recent.map(({ bundlePath }) => bundlePath).reverse()
    return newestFirst.find((bundle) => count(loaded, bundle) < count(newestFirst, bundle)) ?? newestFirst[0] ?? null
  }

  /** Index of the spare to give up first: one whose bundle nobody asked for lately, or else the oldest. */
  leastWanted(loaded: readonly (string | null)[]): number {
    const wanted = new Set<string | null>(this.#recent.map(({ bundlePath }) => bundlePath))
    const unwanted = loaded.findIndex((bundle) => bundle !== null && !wanted.has(bundle))
    return unwanted === -1 ? 0 : unwanted
  }
}

const BUSY_WINDOW_MS = 1_000

function count(bundles: readonly (string | null)[], bundle: string): number {
  return bundles.filter((other) => other === bundle).length
}
