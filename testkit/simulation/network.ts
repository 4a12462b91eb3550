import { never, type Life } from './life.ts'
import type { Surroundings } from './surroundings.ts'

/** Where requests go: the far end, or null while nobody listens there. */
export type Serve<T> = () => Promise<T> | null

const ANSWER_TIMEOUT_MS = 5_000

/**
 * One request over a bad network: it may be lost, come late, twice or after later ones, and so may its answer. Null
 * when no answer came in time.
 */
export function request<T>(
  { kernel, chaos }: Surroundings,
  { client, network, serve }: { client: Life; network: Life; serve: Serve<T> },
): Promise<T | null> {
  if (client.isDead) return never()
  return new Promise((resolve) => {
    const cancel = kernel.schedule(client, ANSWER_TIMEOUT_MS, () => resolve(null))
    const answered = (value: T): void => {
      for (const delayMs of chaos.deliveries()) {
        kernel.schedule(client, delayMs, () => {
          cancel()
          resolve(value)
        })
      }
    }
    for (const delayMs of chaos.deliveries()) {
      kernel.schedule(network, delayMs, () => {
        // A server that fails answers nothing that a client could use.
        serve()?.then(answered, () => undefined)
      })
    }
  })
}
