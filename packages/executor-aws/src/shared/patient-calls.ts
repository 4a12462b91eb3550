import type { ExecutorClock } from '@fairlead/executor'
import { failureOf } from './aws-failure.ts'
import { fullJitterMs } from './full-jitter.ts'

const BACKOFF = { firstMs: 250, longestMs: 5000 }

/** What a patient call needs of the world. */
export interface Patience {
  readonly clock: ExecutorClock
  readonly random: () => number
  readonly signal: AbortSignal
}

/** Makes a call that only asks, and makes it again for as long as it is throttled and the signal allows. */
export async function patiently<T>(call: () => Promise<T>, { clock, random, signal }: Patience): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    signal.throwIfAborted()
    try {
      return await call()
    } catch (error) {
      if (failureOf(error).kind !== 'throttled') throw error
      await clock.sleep(fullJitterMs(BACKOFF, failures, random), signal)
    }
  }
}

/** Answers of `work` for each element, in order, with at most `limit` under way at once. */
export async function mapSome<In, Out>(
  elements: readonly In[],
  limit: number,
  work: (element: In) => Promise<Out>,
): Promise<readonly Out[]> {
  const answers: Out[] = []
  const entries = elements.entries()
  const turn = async (): Promise<void> => {
    for (const [index, element] of entries) answers[index] = await work(element)
  }
  await Promise.all(Array.from({ length: Math.min(limit, elements.length) }, turn))
  return answers
}
