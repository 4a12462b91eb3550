/** Counts failed logins by address, so that passwords cannot be tried quickly. */
export interface FailedLogins {
  isBlocked(address: string): boolean
  record(address: string): void
  forget(address: string): void
}

const WINDOW_MS = 60_000
const MOST_ADDRESSES = 10_000

/** Opens the counter: after `limit` failures within a minute an address is refused for the rest of it. */
export function openFailedLogins(clock: { now(): number }, limit: number): FailedLogins {
  const failures = new Map<string, { since: number; count: number }>()
  const current = (address: string) => {
    const known = failures.get(address)
    return known !== undefined && clock.now() - known.since < WINDOW_MS ? known : null
  }
  return {
    isBlocked: (address) => (current(address)?.count ?? 0) >= limit,
    record(address) {
      const known = current(address)
      if (known !== null) known.count += 1
      else {
        if (failures.size >= MOST_ADDRESSES) failures.clear()
        failures.set(address, { since: clock.now(), count: 1 })
      }
    },
    forget: (address) => void failures.delete(address),
  }
}
