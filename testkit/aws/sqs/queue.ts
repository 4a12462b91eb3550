import { createHash, randomUUID } from 'node:crypto'
import type { DoubleClock } from '../double-clock.ts'

/** A value beside the body of a message. */
export interface MessageAttribute {
  readonly DataType: string
  readonly StringValue?: string | undefined
  readonly BinaryValue?: string | undefined
}

/** A message as it was sent. */
export interface SentMessage {
  readonly body: string
  readonly attributes: Readonly<Record<string, MessageAttribute>>
  readonly delaySeconds?: number
}

/** What a queue is set to; AWS's defaults otherwise. */
export interface QueueSettings {
  readonly visibilityTimeoutSeconds?: number
  readonly retentionSeconds?: number
  readonly waitTimeSeconds?: number
  /** Where messages go that were received this often without being deleted. */
  readonly redrive?: { readonly deadLetterQueueArn: string; readonly maxReceiveCount: number }
}

/** A message in a queue. */
export interface QueuedMessage extends SentMessage {
  readonly id: string
  readonly sentAt: number
  visibleAt: number
  receiveCount: number
  firstReceivedAt: number | null
  /** Good for the newest receipt alone. */
  receiptHandle: string | null
}

/** What came of a change by receipt handle. */
export type ReceiptVerdict = 'done' | 'stale' | 'notInFlight' | 'gone' | 'invalid'

const DEFAULT_VISIBILITY_S = 30
const DEFAULT_RETENTION_S = 345_600

/**
 * A standard queue: a message that was received is hidden for a while, and seen again unless it was deleted.
 *
 * Invariant: a message is handed to one receiver at a time, and to nobody once it is deleted.
 */
export class Queue {
  readonly name: string
  readonly arn: string
  readonly settings: QueueSettings
  readonly createdAt: number
  readonly #clock: DoubleClock
  readonly #deadLetter: (message: QueuedMessage) => void
  #messages: QueuedMessage[] = []
  #wakers: Array<() => void> = []

  constructor(parts: QueueParts) {
    this.name = parts.name
    this.arn = parts.arn
    this.settings = parts.settings
    this.createdAt = parts.clock.now()
    this.#clock = parts.clock
    this.#deadLetter = parts.deadLetter
  }

  send(message: SentMessage): QueuedMessage {
    const now = this.#clock.now()
    const delayMs = (message.delaySeconds ?? 0) * 1000
    const queued: QueuedMessage = {
      ...message,
      id: randomUUID(),
      sentAt: now,
      visibleAt: now + delayMs,
      receiveCount: 0,
      firstReceivedAt: null,
      receiptHandle: null,
    }
    this.#messages.push(queued)
    if (delayMs === 0) this.#wake()
    else this.#clock.after(delayMs, () => this.#wake())
    return queued
  }

  /** Up to `limit` messages, waiting this long for the first. */
  async receive(wanted: {
    readonly limit: number
    readonly waitMs: number
    readonly visibilitySeconds: number | undefined
    readonly signal: AbortSignal
  }): Promise<readonly QueuedMessage[]> {
    const { limit, waitMs, signal } = wanted
    const visibilityMs = (wanted.visibilitySeconds ?? this.visibilityTimeoutSeconds) * 1000
    const giveUpAt = performance.now() + waitMs
    for (;;) {
      // Whoever is gone takes nothing along.
      if (signal.aborted) return []
      const taken = this.#take(limit, visibilityMs)
      const leftMs = giveUpAt - performance.now()
      if (taken.length > 0 || leftMs <= 0) return taken
      await this.#change(leftMs, signal)
    }
  }

  remove(receiptHandle: string): ReceiptVerdict {
    const { message, verdict } = this.#byReceipt(receiptHandle)
    if (message !== null) this.#messages = this.#messages.filter((other) => other !== message)
    return verdict
  }

  changeVisibility(receiptHandle: string, seconds: number): ReceiptVerdict {
    const { message, verdict } = this.#byReceipt(receiptHandle)
    const now = this.#clock.now()
    if (message === null) return verdict
    if (message.visibleAt <= now) return 'notInFlight'
    this.#hide(message, seconds * 1000)
    return verdict
  }

  purge(): void {
    this.#messages = []
  }

  get visibilityTimeoutSeconds(): number {
    return this.settings.visibilityTimeoutSeconds ?? DEFAULT_VISIBILITY_S
  }

  get retentionSeconds(): number {
    return this.settings.retentionSeconds ?? DEFAULT_RETENTION_S
  }

  /** Every message in it, oldest first. */
  get messages(): readonly QueuedMessage[] {
    const oldest = this.#clock.now() - this.retentionSeconds * 1000
    this.#messages = this.#messages.filter(({ sentAt }) => sentAt > oldest)
    return this.#messages
  }

  /** How many can be received, are in flight, and are delayed. */
  get counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    const hidden = this.messages.filter(({ visibleAt }) => visibleAt > this.#clock.now())
    const inFlight = hidden.filter(({ receiveCount }) => receiveCount > 0).length
    return { visible: this.messages.length - hidden.length, inFlight, delayed: hidden.length - inFlight }
  }

  #take(limit: number, visibilityMs: number): readonly QueuedMessage[] {
    const now = this.#clock.now()
    const taken: QueuedMessage[] = []
    for (const message of this.messages) {
      if (taken.length === limit) break
      if (message.visibleAt > now || this.#redrives(message)) continue
      message.receiveCount += 1
      message.firstReceivedAt ??= now
      message.receiptHandle = Buffer.from(`${message.id} ${message.receiveCount}`).toString('base64')
      this.#hide(message, visibilityMs)
      taken.push(message)
    }
    return taken
  }

  #redrives(message: QueuedMessage): boolean {
    const { redrive } = this.settings
    if (redrive === undefined || message.receiveCount < redrive.maxReceiveCount) return false
    this.#messages = this.#messages.filter((other) => other !== message)
    this.#deadLetter(message)
    return true
  }

  #hide(message: QueuedMessage, forMs: number): void {
    message.visibleAt = this.#clock.now() + forMs
    this.#clock.after(forMs, () => this.#wake())
  }

  /** The message of a receipt, when the receipt is its newest one. */
  #byReceipt(receiptHandle: string): { readonly message: QueuedMessage | null; readonly verdict: ReceiptVerdict } {
    const [id, count] = Buffer.from(receiptHandle, 'base64').toString().split(' ')
    if (id === undefined || !/^[0-9a-f-]{36}$/.test(id) || count === undefined)
      return { message: null, verdict: 'invalid' }
    const message = this.#messages.find((one) => one.id === id)
    if (message === undefined) return { message: null, verdict: 'gone' }
    return message.receiptHandle === receiptHandle ? { message, verdict: 'done' } : { message: null, verdict: 'stale' }
  }

  /** Resolves when something may have become visible, time is up, or the receiver went. */
  async #change(leftMs: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, leftMs)
      signal.addEventListener('abort', wake)
      this.#wakers.push(wake)
    })
  }

  /** Whoever came last is served first: AWS promises no order, and the longest waiter may be one who just put it back. */
  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = []
    for (const wake of wakers.toReversed()) wake()
  }
}

interface QueueParts {
  readonly name: string
  readonly arn: string
  readonly settings: QueueSettings
  readonly clock: DoubleClock
  readonly deadLetter: (message: QueuedMessage) => void
}

/** MD5 of a body, by which the SDK checks what it sent and got. */
export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** MD5 of attributes: each name, type and value with its length before it, in the order of their names. */
export function md5OfAttributes(attributes: Readonly<Record<string, MessageAttribute>>): string {
  const hash = createHash('md5')
  for (const [name, { DataType, StringValue, BinaryValue }] of Object.entries(attributes).toSorted(byName)) {
    const value = StringValue === undefined ? Buffer.from(BinaryValue ?? '', 'base64') : Buffer.from(StringValue)
    hash.update(withLength(Buffer.from(name))).update(withLength(Buffer.from(DataType)))
    hash.update(Buffer.from([StringValue === undefined ? 2 : 1])).update(withLength(value))
  }
  return hash.digest('hex')
}

/** Code unit by code unit, whatever the locale. */
function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}

function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
