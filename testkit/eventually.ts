/** How long `eventually` tries, and how often. */
export interface EventuallyOptions {
  readonly timeoutMs?: number
  readonly everyMs?: number
}

type Truthy<T> = Exclude<T, false | 0 | '' | null | undefined>

/** Repeats `check` until it answers something truthy without throwing, and returns that. Fails with the last reason. */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<Truthy<T>> {
  const { timeoutMs = 10_000, everyMs = 20 } = options
  const giveUpAt = performance.now() + timeoutMs
  let reason: unknown
  for (;;) {
    try {
      const answer = await check()
      if (answer) return answer as Truthy<T>
      reason = `it last answered ${String(answer)}`
    } catch (error) {
      reason = error
    }
    if (performance.now() >= giveUpAt)
      throw new Error(`Not so within ${timeoutMs} ms: ${sentence(reason)}`, { cause: reason })
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
}

function sentence(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason)
}
