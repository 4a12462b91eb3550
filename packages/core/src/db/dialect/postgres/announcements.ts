import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { AnnouncementListener } from '../dialect.ts'
import { connectFailure } from './failure.ts'

/**
 * News between processes: a commit that gives schedulers something to do notifies one channel, and each process with a
 * scheduler listens on a connection of its own. It is a hint and no more: whoever misses it looks again by himself.
 */

const CHANNEL = 'fairlead_work'
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 10_000
/** A connection that is cut without a word is noticed after twice this long. */
const PULSE_MS = 10_000

/** What a connection is told to run in the place of a statement, so that its commit says the news at no round trip. */
export const ANNOUNCE = '/* announce */'

/** The text that commits and says the news; `origin` is the process that has them. */
export const commitWithNews = (origin: string): string => `notify ${CHANNEL}, '${origin}'; commit`

/** A name for this process among those that announce. */
export const newOrigin = (): string => randomBytes(4).toString('hex')

/** Where and as whom to listen. */
export interface NewsSource {
  readonly url: string
  readonly location: string
  /** What this process says itself is no news to it. */
  readonly origin: string
}

/** Listens until the signal aborts, on a new connection whenever one is lost. Never rejects. */
export async function listenForNews(
  source: NewsSource,
  listener: AnnouncementListener,
  signal: AbortSignal,
): Promise<void> {
  const failures = { inARow: 0 }
  while (!signal.aborted) {
    try {
      await listenOnce(source, listener, signal, () => (failures.inARow = 0))
    } catch (error) {
      if (signal.aborted) return
      listener.onProblem(connectFailure(error, source.location))
    }
    const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures.inARow, 10), LONGEST_PAUSE_MS)
    failures.inARow += 1
    // The signal ends the wait and the loop with it.
    await sleep(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
  }
}

async function listenOnce(
  { url, origin }: NewsSource,
  { onNews }: AnnouncementListener,
  signal: AbortSignal,
  onListening: () => void,
): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'fairlead listener',
    connectionTimeoutMillis: PULSE_MS,
    query_timeout: PULSE_MS,
  })
  const over = new AbortController()
  const lost = new Promise<never>((_resolve, reject) => {
    client.on('error', reject)
    client.on('end', () => reject(new Error('the connection was closed')))
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: over.signal })
  })
  // Whoever races it hears of it.
  lost.catch(() => undefined)
  client.on('notification', ({ payload }) => {
    if (payload !== origin) onNews()
  })
  try {
    await Promise.race([client.connect(), lost])
    await Promise.race([client.query(`listen ${CHANNEL}`), lost])
    onListening()
    // What was announced while nobody listened here.
    onNews()
    for (;;) {
      await Promise.race([sleep(PULSE_MS, undefined, { signal, ref: false }), lost])
      await Promise.race([client.query('select 1'), lost])
    }
  } finally {
    over.abort()
    // A connection that is cut may never end.
    client.end().catch(() => undefined)
  }
}
