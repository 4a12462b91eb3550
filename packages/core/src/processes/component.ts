import type { Config } from '../config/index.ts'
import type { Environment } from '../model/environment.ts'
import type { Log } from '../observability/index.ts'
import type { LoadedExecutor } from './load-executors.ts'

/** What a component is started with. */
export interface ComponentOptions {
  readonly config: Config
  readonly version: string
  readonly executors: readonly LoadedExecutor[]
  readonly environment: Environment
  readonly log: Log
  readonly host: { readonly hostname: string; readonly pid: number; readonly uid: number }
}

/** A component that runs. */
export interface Component {
  /** Rejects when a part of it dies; resolves after `stop`. */
  readonly finished: Promise<void>
  /** Graceful: nothing new is begun, what runs is finished or let go of. */
  stop(): Promise<void>
}

/** One of the things that a component does at the same time. */
export interface Part {
  /** Resolves after the signal it was started with has aborted. */
  readonly finished: Promise<void>
  /** Lets go of what it holds. Called when every part has finished. */
  close(): Promise<void>
}

/**
 * Follows parts to their end. They end when told to; one that ends before that ends the others, and is an error
 * whatever it says. They are closed in the order given, and then what they stood on.
 */
export function followParts(
  parts: readonly Part[],
  stopping: AbortController,
  closeLast: () => Promise<void>,
): Component {
  return {
    finished: untilFinished(parts, stopping, closeLast),
    stop: async () => stopping.abort(new Error('The server stops.')),
  }
}

async function untilFinished(
  parts: readonly Part[],
  stopping: AbortController,
  closeLast: () => Promise<void>,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const died = parts.map(async ({ finished }) => {
    await finished
    if (!stopping.signal.aborted) throw new Error('A part of the server ended by itself.')
  })
  try {
    await Promise.race([stopped, ...died])
  } finally {
    stopping.abort(new Error('The server stops.'))
    await Promise.allSettled(died)
    await closeAll(parts, closeLast)
  }
}

/** One that cannot be closed keeps none of the others open. */
async function closeAll(parts: readonly Part[], closeLast: () => Promise<void>): Promise<void> {
  const closed: PromiseSettledResult<void>[] = []
  for (const part of parts) closed.push(...(await Promise.allSettled([part.close()])))
  await closeLast()
  const failed = closed.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
