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
 * Invariant 2: one that is for another executor is put aside for longer at each sight, up to a quarter of an hour; one that
 * nobody understands for a quarter of an hour, and deleted when it was seen three times.
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
      const read = await Promise.all(messages.map((message) => this.#readAlone(message, signal)))
      const done = read.filter((receipt) => receipt !== null)
      if (done.length > 0) await api.delete(queueUrl, done, signal)
    } catch (error) {
      if (signal.aborted) return
      this.#failures += 1
      this.#problem = `The queue ${queueUrl} cannot be read: ${failureOf(error).detail}`
      log.warn('queue of results cannot be read', { queueUrl, error, failures: this.#failures })
      // An aborted wait ends the loop by its condition.
      await clock.sleep(fullJitterMs(BACKOFF, this.#failures, Math.random), signal).catch(() => undefined)
    }
  }

  /** The receipt, when the message is to be deleted. What fails with one is its own affair: it comes again. */
  async #readAlone(message: ReceivedMessage, signal: AbortSignal): Promise<string | null> {
    try {
      return (await this.#isDone(message, signal)) ? message.receipt : null
    } catch (error) {
      if (!signal.aborted)
        this.#parts.log.warn('message could not be dealt with', { messageId: message.messageId, error })
      return null
    }
  }

  async #isDone(message: ReceivedMessage, signal: AbortSignal): Promise<boolean> {
    const { api, queueUrl, log } = this.#parts
    const { messageId, receipt, receiveCount } = message
    const tidings = tidingsOf(message)
    if (tidings.kind === 'strange') return await this.#isHopeless(message, signal)
    const verdict = await this.#parts.onEnd(tidings)
    switch (verdict) {
      case 'delete':
        return true
      case 'keep':
        this.#kept.set(tidings.dispatchId, receipt)
        return false
      case 'leave':
        log.debug('message is for another executor', { messageId, executor: tidings.executor })
        await api.hide(queueUrl, receipt, Math.min(ASIDE_SECONDS, 2 ** Math.min(receiveCount - 1, 20)), signal)
        return false
      default:
        return verdict satisfies never
    }
  }

  /** Says nothing of the body: it may hold a ticket. */
  async #isHopeless({ messageId, receipt, receiveCount }: ReceivedMessage, signal: AbortSignal): Promise<boolean> {
    const { api, queueUrl, log } = this.#parts
    const isHopeless = receiveCount >= STRANGE_SIGHTS
    log.warn('message is none of Fairlead', { queueUrl, messageId, isDeleted: isHopeless })
    if (!isHopeless) await api.hide(queueUrl, receipt, ASIDE_SECONDS, signal)
    return isHopeless
  }
}

const BACKOFF = { firstMs: 500, longestMs: 30_000 }
const ASIDE_SECONDS = 900
const STRANGE_SIGHTS = 3
