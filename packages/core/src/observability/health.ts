/** Liveness of the parts of one server process: each part beats, and a part that falls silent is unhealthy. */
export interface HealthBoard {
  beat(part: string): void
  /** When the part last beat, and whether that is recent enough; null for a part that never did. */
  statusOf(part: string): { readonly lastBeatAt: number; readonly isHealthy: boolean } | null
}

/** Opens a board whose parts must beat at least every `thresholdMs`. */
export function openHealthBoard(clock: { now(): number }, thresholdMs: number): HealthBoard {
  const beats = new Map<string, number>()
  return {
    beat: (part) => void beats.set(part, clock.now()),
    statusOf(part) {
      const lastBeatAt = beats.get(part)
      return lastBeatAt === undefined ? null : { lastBeatAt, isHealthy: clock.now() - lastBeatAt <= thresholdMs }
    },
  }
}
