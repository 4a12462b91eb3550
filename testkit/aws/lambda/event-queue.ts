import type { DoubleClock } from '../double-clock.ts'
import type { SentMessage } from '../sqs/queue.ts'
import type { SqsDouble } from '../sqs/sqs-double.ts'
import type { AcceptedEvent } from './accepted-event.ts'
import type { Invocation, InvocationEnd } from './execution-environment.ts'
import { deadLetterOf, failureRecordOf, successRecordOf } from './event-records.ts'
import type { LambdaFunction } from './stage.ts'

/** What the queue of events lives on. */
export interface EventQueueParts {
  readonly clock: DoubleClock
  readonly sqs: SqsDouble
  /** True where the function's role may send to this queue: Lambda tells nothing on behalf of one that may not. */
  readonly maySend: (definition: LambdaFunction, queueArn: string) => boolean
  /** Runs an event, or answers null when the function is at its limit. */
  readonly run: (definition: LambdaFunction, invocation: Invocation) => Promise<InvocationEnd> | null
}

const DEFAULT_RETRIES = 2
const DEFAULT_MAX_AGE_S = 21_600
const MINUTE_MS = 60_000

/**
 * Lambda's queue of asynchronous events: errors of the function are retried after one and two minutes, throttling for as
 * long as the event may live, and what failed for good is told to the failure destination and to the dead-letter queue.
 */
export class EventQueue {
  readonly #parts: EventQueueParts
  readonly events: AcceptedEvent[] = []

  constructor(parts: EventQueueParts) {
    this.#parts = parts
  }

  accept(definition: LambdaFunction, invocation: Invocation): void {
    const acceptedAt = this.#parts.clock.now()
    const event: AcceptedEvent = { ...invocation, definition, acceptedAt, attempts: 0, last: null, isForgotten: false }
    this.events.push(event)
    void this.#deliver(event)
  }

  async #deliver(event: AcceptedEvent): Promise<void> {
    const { maximumRetryAttempts = DEFAULT_RETRIES } = event.definition.eventInvoke ?? {}
    for (let throttles = 0; ;) {
      if (this.#isTooOld(event)) return this.#giveUp(event, 'EventAgeExceeded')
      const running = this.#parts.run(event.definition, event)
      if (running === null) {
        await this.#pause(Math.min(1000 * 2 ** throttles, 5 * MINUTE_MS))
        throttles += 1
        continue
      }
      event.last = await running
      event.attempts += 1
      if (event.isForgotten) return
      if (event.last.kind === 'answered')
        return this.#tell(event, event.definition.eventInvoke?.onSuccess, successRecordOf(event))
      if (event.attempts > maximumRetryAttempts) return this.#giveUp(event, 'RetriesExhausted')
      await this.#pause(event.attempts * MINUTE_MS)
    }
  }

  #isTooOld({ acceptedAt, definition }: AcceptedEvent): boolean {
    const { maximumEventAgeSeconds = DEFAULT_MAX_AGE_S } = definition.eventInvoke ?? {}
    return this.#parts.clock.now() - acceptedAt > maximumEventAgeSeconds * 1000
  }

  #giveUp(event: AcceptedEvent, condition: 'RetriesExhausted' | 'EventAgeExceeded'): void {
    const { eventInvoke, deadLetterQueueArn } = event.definition
    this.#tell(event, eventInvoke?.onFailure, failureRecordOf(event, condition, new Date(this.#parts.clock.now())))
    this.#send(event.definition, deadLetterQueueArn, deadLetterOf(event))
  }

  #tell({ definition }: AcceptedEvent, queueArn: string | undefined, record: object): void {
    this.#send(definition, queueArn, { body: JSON.stringify(record), attributes: {} })
  }

  #send(definition: LambdaFunction, queueArn: string | undefined, message: SentMessage): void {
    if (queueArn !== undefined && this.#parts.maySend(definition, queueArn))
      this.#parts.sqs.byArn(queueArn)?.send(message)
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#parts.clock.after(ms, resolve))
  }
}
