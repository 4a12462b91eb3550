/** What started a run, and who did where somebody did: `rest_api:ada`, `backfill:ada`, `timetable`. */
export interface TriggeredBy {
  readonly through: string
  readonly username: string | null
}

/** Reads what a run's row says. */
export function parseTriggeredBy(text: string): TriggeredBy {
  const colon = text.indexOf(':')
  if (colon === -1) return { through: text, username: null }
  return { through: text.slice(0, colon), username: text.slice(colon + 1) }
}

/** How a run's row says it. */
export function formatTriggeredBy({ through, username }: TriggeredBy): string {
  return username === null ? through : `${through}:${username}`
}
