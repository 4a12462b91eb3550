/** What keeps this process alive just now, one word each: timers, sockets, processes. */
export function heldResources(): readonly string[] {
  const seen = new Map<string, number>()
  return process.getActiveResourcesInfo().map((name) => {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return `${name} ${count}`
  })
}
