import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
  type Message,
} from '@aws-sdk/client-sqs'
import type { ExecutorHost } from '@fairlead/executor'
import { z } from 'zod'
import { failureOf } from '../shared/aws-failure.ts'
import { clientConfig } from '../shared/client-config.ts'
import type { ClientSettings } from '../shared/client-settings.ts'
import { fullJitterMs } from '../shared/full-jitter.ts'
import { RenewedClient } from '../shared/renewed-client.ts'
import type { EcsTask } from './ecs-task.ts'
import { startedByPrefix } from './task-identity.ts'

/** What a feed works with. */
export interface FeedParts {
  readonly host: Pick<ExecutorHost, 'name' | 'clock' | 'log'>
  readonly settings: ClientSettings
  readonly queueUrl: string
  readonly random: () => number
  /** Takes in a change; false for a task that is not watched here. */
  hear(task: EcsTask, dispatchId: string): boolean
}

const eventSchema = z.object({
  'detail-type': z.literal('ECS Task State Change'),
  detail: z.looseObject({ taskArn: z.string(), startedBy: z.string().optional() }),
})

const LONG_POLL_S = 20
/** A message that no scheduler knows after so many tries is about a task that has ended. */
const MOST_RECEIVED = 3
const BACKOFF = { firstMs: 1000, longestMs: 60_000 }

/**
 * Hears of changes of tasks from EventBridge, by a queue of SQS. It only hastens what polling finds out as well: what
 * comes twice, late or never does no harm.
 */
export class StateChangeFeed {
  readonly #parts: FeedParts
  readonly #client: RenewedClient<SQSClient>
  #life: AbortController | null = null
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: FeedParts) {
    this.#parts = parts
    // A long poll takes its time.
    const settings = { ...parts.settings, requestTimeoutMs: parts.settings.requestTimeoutMs + LONG_POLL_S * 1000 }
    this.#client = new RenewedClient(() => new SQSClient(clientConfig(settings)))
  }

  start(): void {
    if (this.#life !== null) return
    this.#life = new AbortController()
    this.#loop = this.#listen(this.#life.signal)
  }

  async stop(): Promise<void> {
    this.#life?.abort(new Error('the executor ends'))
    this.#life = null
    await this.#loop
    this.#client.destroy()
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const { host, random } = this.#parts
    for (let failures = 0; !signal.aborted;) {
      try {
        const messages = await this.#receive(signal)
        await Promise.all(messages.map((message) => this.#take(message)))
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        const { detail } = failureOf(error)
        host.log.warn('changes of ECS tasks cannot be heard, only polled', { detail, failures })
        // Rejects for one reason only: the executor ends.
        await host.clock.sleep(fullJitterMs(BACKOFF, failures, random), signal).catch(() => undefined)
      }
    }
  }

  async #receive(signal: AbortSignal): Promise<readonly Message[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#parts.queueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: LONG_POLL_S,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    })
    const { Messages = [] } = await this.#client.call((client, options) => client.send(command, options), signal)
    return Messages
  }

  async #take(message: Message): Promise<void> {
    const { QueueUrl, ReceiptHandle } = { QueueUrl: this.#parts.queueUrl, ReceiptHandle: message.ReceiptHandle }
    const isForAnother = !this.#isDone(message.Body ?? '')
    const count = Number(message.Attributes?.ApproximateReceiveCount ?? MOST_RECEIVED)
    // Schedulers share a queue: what one does not watch, another may.
    if (isForAnother && count < MOST_RECEIVED) {
      const VisibilityTimeout = 1
      const command = new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout })
      await this.#client.call((client) => client.send(command))
    } else {
      await this.#client.call((client) => client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle })))
    }
  }

  /** True when nobody needs the message any more: it was taken in here, or is none of ours. */
  #isDone(body: string): boolean {
    const event = eventSchema.safeParse(jsonOf(body))
    const prefix = startedByPrefix(this.#parts.host.name)
    const { startedBy } = event.data?.detail ?? {}
    if (!event.success || !startedBy?.startsWith(prefix)) return true
    return this.#parts.hear(event.data.detail, startedBy.slice(prefix.length))
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // No event of ours.
  }
}
