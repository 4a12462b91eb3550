import type { ExecutorClock, ExecutorLog } from '@fairlead/executor'
import { failureOf } from '../shared/aws-failure.ts'
import { fullJitterMs } from '../shared/full-jitter.ts'
import type { QueueApi, ReceivedMessage } from './queue-api.ts'
import { tidingsOf, type Tidings } from './result-message.ts'

/** What becomes of a message once it was read. */
export type Verdict =
  /** Nobody needs it any more. */
  | 'delete'
  /** It is deleted by `settle`, when its dispatch is. */
  | 'keep'
  /** It is not for this executor. */
  | 'leave'

/** What an inbox works with. */
export interface InboxParts {
  readonly api: Pick<QueueApi, 'receive' | 'delete' | 'hide'>
  readonly queueUrl: string
  readonly longPollSeconds: number
  readonly clock: ExecutorClock
  readonly log: ExecutorLog
  /** True while there is something to wait for: otherwise the queue is left alone. */
  isNeeded(): boolean
  onEnd(tidings: Extract<Tidings, { kind: 'ended' }>): Promise<Verdict>
}

/**
 * Reads a queue in a loop, by long polls and until it is empty, as long as somebody waits for what may be in it.
 *
 * Invariant 1: a message is deleted after what follows from it is written down, never before.
 * Invariant 2: one that means nothing here is put aside for a quarter of an hour at each sight, and does not come back at
 * once; one that nobody can understand is deleted when it was seen three times.
 */
export class Inbox {
  readonly #parts: InboxParts
  readonly #kept = new Map<string, string>()
  #life: AbortController | null = null
  #over: Promise<void> = Promise.resolve()
  #ring: () => void = () => undefined
  #problem: string | null = null
  #failures = 0

  constructor(parts: InboxParts) {
    this.#parts = parts
  }

  /** Why nothing can be read at the moment, or null. */
  get problem(): string | null {
    return this.#problem
  }

  /** Begins to read; does nothing when it has begun. */
  open(): void {
    if (this.#life !== null) return
    const life = new AbortController()
    this.#life = life
    this.#over = this.#run(life.signal)
  }

  /** Stops reading; what was being waited for stays in the queue. */
  async close(): Promise<void> {
    this.#life?.abort(new Error('the executor ends'))
    this.#life = null
    this.#ring()
    await this.#over
  }

  /** There may be something to wait for. */
  ring(): void {
    this.#ring()
  }

  /** Deletes the messages of dispatches whose ends are written down. */
  async settle(dispatchIds: readonly string[], signal: AbortSignal): Promise<void> {
    const receipts = dispatchIds.flatMap((dispatchId) => {
      const receipt = this.#kept.get(dispatchId)
      this.#kept.delete(dispatchId)
      return receipt === undefined ? [] : [receipt]
    })
    if (receipts.length > 0) await this.#parts.api.delete(this.#parts.queueUrl, receipts, signal)
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!this.#parts.isNeeded()) await this.#rung()
      else await this.#turn(signal)
    }
  }

  async #rung(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#ring = resolve
    })
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { api, queueUrl, longPollSeconds, clock, log } = this.#parts
    try {
      const messages = await api.receive(queueUrl, longPollSeconds, signal)
      this.#problem = null
      this.#failures = 0
      await Promise.all(messages.map((message) => this.#readAlone(message, signal)))
    } catch (error) {
      if (signal.aborted) return
      this.#failures += 1
      this.#problem = `The queue ${queueUrl} cannot be read: ${failureOf(error).detail}`
      log.warn('queue of results cannot be read', { queueUrl, error, failures: this.#failures })
      // An aborted wait ends the loop by its condition.
      await clock.sleep(fullJitterMs(BACKOFF, this.#failures, Math.random), signal).catch(() => undefined)
    }
  }

  /** What fails with one message is its own affair: it comes again. */
  async #readAlone(message: ReceivedMessage, signal: AbortSignal): Promise<void> {
    try {
      await this.#read(message, signal)
    } catch (error) {
      if (signal.aborted) return
      this.#parts.log.warn('message could not be dealt with', { messageId: message.messageId, error })
    }
  }

  async #read(message: ReceivedMessage, signal: AbortSignal): Promise<void> {
    const { api, queueUrl, log } = this.#parts
    const tidings = tidingsOf(message)
    if (tidings.kind === 'strange') return await this.#putAside(message, signal)
    const verdict = await this.#parts.onEnd(tidings)
    switch (verdict) {
      case 'delete':
        return await api.delete(queueUrl, [message.receipt], signal)
      case 'keep':
        this.#kept.set(tidings.dispatchId, message.receipt)
        return
      case 'leave':
        log.debug('message is for another executor', { messageId: message.messageId, executor: tidings.executor })
        return await api.hide(queueUrl, message.receipt, ASIDE_SECONDS, signal)
      default:
        return verdict satisfies never
    }
  }

  /** Never with the body: it may hold a ticket. */
  async #putAside({ messageId, receipt, receiveCount }: ReceivedMessage, signal: AbortSignal): Promise<void> {
    const { api, queueUrl, log } = this.#parts
    const isHopeless = receiveCount >= STRANGE_SIGHTS
    log.warn('message is none of Fairlead', { queueUrl, messageId, isDeleted: isHopeless })
    if (isHopeless) await api.delete(queueUrl, [receipt], signal)
    else await api.hide(queueUrl, receipt, ASIDE_SECONDS, signal)
  }
}

const BACKOFF = { firstMs: 500, longestMs: 30_000 }
const ASIDE_SECONDS = 900
const STRANGE_SIGHTS = 3
