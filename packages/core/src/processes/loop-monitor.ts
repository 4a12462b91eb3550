import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { Clock } from '../model/environment.ts'
import type { Log } from '../observability/index.ts'

/** What the monitor looks at. */
export interface LoopMonitorOptions {
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  readonly log: Log
}

const EVERY_MS = 500
const NOTED_MS = 1_000
/** A stall this long is held against an executor when nobody else can have caused it. */
const BLAMED_MS = 5_000

/**
 * Notices when the event loop stood still, and names the executors that were being called. What blocks within the call
 * itself is measured there; this sees what blocks later, after an executor has awaited something.
 */
export async function watchLoop({ dispatcher, clock, log }: LoopMonitorOptions, signal: AbortSignal): Promise<void> {
  for (;;) {
    const before = clock.monotonic()
    try {
      await clock.sleep(EVERY_MS, signal)
    } catch {
      return // The server stops.
    }
    const ms = Math.round(clock.monotonic() - before - EVERY_MS)
    if (ms < NOTED_MS) continue
    const suspects = [...dispatcher.executors.values()].flatMap((managed) => {
      const call = managed.callsUnderWay.find(({ since }) => since <= clock.monotonic() - ms)
      return call === undefined ? [] : [{ managed, member: call.member }]
    })
    const calls = suspects.map(({ managed, member }) => `${managed.name}.${member}`)
    log.warn('event loop was blocked', { ms, callsUnderWay: calls })
    const [suspect, ...others] = suspects
    if (ms >= BLAMED_MS && suspect !== undefined && others.length === 0) suspect.managed.blame(suspect.member, ms)
  }
}
