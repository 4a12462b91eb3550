import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { clientConfig } from '../shared/client-config.ts'
import type { ClientSettings } from '../shared/client-settings.ts'
import { RenewedClient } from '../shared/renewed-client.ts'
import type { QueueMessage } from './result-message.ts'

/** A message with what it is deleted by. */
export interface ReceivedMessage extends QueueMessage {
  readonly messageId: string
  readonly receipt: string
  /** How often it has been received, this time included. */
  readonly receiveCount: number
}

/** The slice of SQS that is used here. */
export class QueueApi {
  readonly #client: RenewedClient<SQSClient>

  constructor(settings: ClientSettings & { readonly longPollSeconds: number }) {
    // A long poll that finds nothing is no request without an answer.
    const requestTimeoutMs = settings.requestTimeoutMs + settings.longPollSeconds * 1000
    this.#client = new RenewedClient(() => new SQSClient(clientConfig({ ...settings, requestTimeoutMs })))
  }

  /** Up to ten messages; waits for the first as long as it is told. */
  async receive(queueUrl: string, waitSeconds: number, signal: AbortSignal): Promise<readonly ReceivedMessage[]> {
    const request = {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: AT_ONCE,
      WaitTimeSeconds: waitSeconds,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['ApproximateReceiveCount' as const],
    }
    const { Messages = [] } = await this.#client.call(
      (client, options) => client.send(new ReceiveMessageCommand(request), options),
      signal,
    )
    return Messages.map(({ Body = '', MessageId = '', ReceiptHandle = '', Attributes, MessageAttributes = {} }) => ({
      body: Body,
      messageId: MessageId,
      receipt: ReceiptHandle,
      receiveCount: Number(Attributes?.ApproximateReceiveCount ?? 1),
      attributes: Object.fromEntries(
        Object.entries(MessageAttributes).map(([name, { StringValue = '' }]) => [name, StringValue]),
      ),
    }))
  }

  /** Deletes messages. One that is not deleted comes again, and is known by then. */
  async delete(queueUrl: string, receipts: readonly string[], signal: AbortSignal): Promise<void> {
    for (const batch of batchesOf(receipts)) {
      const Entries = batch.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }))
      await this.#client.call(
        (client, options) => client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }), options),
        signal,
      )
    }
  }

  /** Hides a message from everybody for so many seconds. */
  async hide(queueUrl: string, receipt: string, seconds: number, signal: AbortSignal): Promise<void> {
    const request = { QueueUrl: queueUrl, ReceiptHandle: receipt, VisibilityTimeout: seconds }
    await this.#client.call(
      (client, options) => client.send(new ChangeMessageVisibilityCommand(request), options),
      signal,
    )
  }

  /** Attributes of a queue. Throws where there is none. */
  async attributes(queueUrl: string, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
    const request = { QueueUrl: queueUrl, AttributeNames: ['All' as const] }
    const { Attributes = {} } = await this.#client.call(
      (client, options) => client.send(new GetQueueAttributesCommand(request), options),
      signal,
    )
    return Attributes
  }

  destroy(): void {
    this.#client.destroy()
  }
}

function batchesOf<T>(values: readonly T[]): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(values.length / AT_ONCE) }, (_, batch) =>
    values.slice(batch * AT_ONCE, (batch + 1) * AT_ONCE),
  )
}

/** Most messages of one call. */
const AT_ONCE = 10
