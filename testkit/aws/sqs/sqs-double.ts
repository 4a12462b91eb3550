import { ACCOUNT } from '../iam/identities.ts'
import type { DoubleClock } from '../double-clock.ts'
import { Queue, type MessageAttribute, type QueueSettings } from './queue.ts'

/** SQS as a test sees it. */
export class SqsDouble {
  readonly #clock: DoubleClock
  readonly #region: string
  readonly #url: () => string
  readonly #queues = new Map<string, Queue>()

  constructor(clock: DoubleClock, region: string, url: () => string) {
    this.#clock = clock
    this.#region = region
    this.#url = url
  }

  /** Makes a queue. Answers its URL; a queue of this name is made anew. */
  createQueue(name: string, settings: QueueSettings = {}): string {
    const deadLetter = settings.redrive?.deadLetterQueueArn
    const queue = new Queue({
      name,
      arn: this.arnOf(name),
      settings,
      clock: this.#clock,
      deadLetter: ({ body, attributes }) => void this.byArn(deadLetter ?? '')?.send({ body, attributes }),
    })
    this.#queues.set(name, queue)
    return this.urlOf(queue)
  }

  /** The queue behind a URL or a name. */
  queue(urlOrName: string): Queue {
    const queue = this.find(urlOrName)
    if (queue === null) throw new Error(`There is no queue ${urlOrName}.`)
    return queue
  }

  /** Puts a message into a queue, as a service of AWS would. */
  send(urlOrName: string, body: string, attributes: Readonly<Record<string, MessageAttribute>> = {}): void {
    this.queue(urlOrName).send({ body, attributes })
  }

  /** Bodies of everything in a queue, hidden or not. */
  bodiesIn(urlOrName: string): readonly string[] {
    return this.queue(urlOrName).messages.map(({ body }) => body)
  }

  find(urlOrName: string): Queue | null {
    return this.#queues.get(urlOrName.split('/').at(-1) ?? '') ?? null
  }

  byArn(arn: string): Queue | null {
    return [...this.#queues.values()].find((queue) => queue.arn === arn) ?? null
  }

  arnOf(name: string): string {
    return `arn:aws:sqs:${this.#region}:${ACCOUNT}:${name}`
  }

  urlOf({ name }: { readonly name: string }): string {
    return `${this.#url()}/${ACCOUNT}/${name}`
  }

  urls(): readonly string[] {
    return [...this.#queues.values()].map((queue) => this.urlOf(queue))
  }
}
