import { setTimeout as sleep } from 'node:timers/promises'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { EXECUTOR_ATTRIBUTE, type ResultMessage } from './result-message.ts'

/** Sends results to queues. One for the life of a function's process: its connections are used again. */
export class ResultSender {
  readonly #clients = new Map<string, SQSClient>()

  /** Repeats what fails until the signal aborts; throws the last failure then. A repeat is harmless. */
  async send(queueUrl: string, message: ResultMessage, signal: AbortSignal): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      try {
        await this.#clientOf(queueUrl).send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: JSON.stringify(message),
            MessageAttributes: { [EXECUTOR_ATTRIBUTE]: { DataType: 'String', StringValue: message.executor } },
          }),
          { abortSignal: signal },
        )
        return
      } catch (error) {
        if (signal.aborted) throw error
        // The wait is cut short by the signal, and the next try says why nothing works.
        await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** A queue may be in another region than the function. */
  #clientOf(queueUrl: string): SQSClient {
    const region = /^https:\/\/sqs\.([a-z0-9-]+)\./.exec(queueUrl)?.[1]
    const key = region ?? ''
    const client = this.#clients.get(key) ?? new SQSClient(region === undefined ? {} : { region })
    this.#clients.set(key, client)
    return client
  }
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000
