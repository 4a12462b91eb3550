import { setMaxListeners } from 'node:events'

/**
 * Makes a call with a signal of its own, which aborts with the one that is given: what a call leaves behind on its signal is
 * not left on one that lives for long.
 */
export async function withOwnSignal<T>(signal: AbortSignal, call: (own: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController()
  const abort = (): void => own.abort(signal.reason)
  if (signal.aborted) abort()
  // Each call takes its listener away again: many at once are no leak, which Node would warn of.
  setMaxListeners(0, signal)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await call(own.signal)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
