import type { Clock } from '../model/environment.ts'

/** Result of a call that may hang: a call that timed out has an unknown outcome. */
export type Boxed<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'threw'; readonly error: unknown }
  | { readonly kind: 'timedOut'; readonly afterMs: number }

/** Waits for a call no longer than `ms`; its signal aborts then, or when `signal` does. Never throws. */
export async function timeBox<T>(
  clock: Clock,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<Boxed<T>> {
  const over = new AbortController()
  const abort = (): void => over.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  const answered = Promise.resolve()
    .then(() => call(over.signal))
    .then(
      (value): Boxed<T> => ({ kind: 'answered', value }),
      (error: unknown): Boxed<T> => ({ kind: 'threw', error }),
    )
  const timedOut = clock.sleep(ms, over.signal).then(
    (): Boxed<T> => ({ kind: 'timedOut', afterMs: ms }),
    (): Boxed<T> | Promise<Boxed<T>> => (signal?.aborted === true ? { kind: 'threw', error: signal.reason } : answered),
  )
  const result = await Promise.race([answered, timedOut])
  signal?.removeEventListener('abort', abort)
  over.abort(new Error(result.kind === 'timedOut' ? `The call took longer than ${ms} ms.` : 'The call is over.'))
  return result
}
