import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import type { ExecutorClock } from '@fairlead/executor'
import { clientConfig } from './client-config.ts'
import type { ClientSettings } from './client-settings.ts'
import { patiently } from './patient-calls.ts'
import { RenewedClient } from './renewed-client.ts'

/** Where the output of one container goes. */
export interface LogStream {
  readonly group: string
  readonly stream: string
  /** Null for the region of the task. */
  readonly region: string | null
}

/** What a reader of logs needs of the world. */
export interface LogReaderParts {
  readonly settings: ClientSettings
  readonly clock: ExecutorClock
  readonly random: () => number
}

const LOOK_EVERY_MS = 1000

/** Output of containers, from CloudWatch Logs. */
export class ContainerLogs {
  readonly #parts: LogReaderParts
  readonly #clients = new Map<string | null, RenewedClient<CloudWatchLogsClient>>()

  constructor(parts: LogReaderParts) {
    this.#parts = parts
  }

  /** What a container has written and writes, line by line, until `hasEnded` says yes and nothing more comes. */
  async *follow(from: LogStream, hasEnded: () => Promise<boolean>): AsyncGenerator<string, void> {
    let token: string | undefined
    let isLast = false
    for (;;) {
      const page = await this.#read(from, token)
      for (const message of page.messages) yield message.endsWith('\n') ? message : `${message}\n`
      const hasMore = page.messages.length > 0 && page.token !== token
      token = page.token
      if (hasMore) continue
      if (isLast) return
      // What was written just before the end may arrive after it: it is looked for once more.
      isLast = await hasEnded()
      await this.#parts.clock.sleep(LOOK_EVERY_MS)
    }
  }

  /** A page of a stream. One that does not exist yet is empty: it begins with the first line. */
  async #read({ group, stream, region }: LogStream, token: string | undefined): Promise<LogPage> {
    const { clock, random } = this.#parts
    const client = this.#clientOf(region)
    const input = {
      logGroupName: group,
      logStreamName: stream,
      startFromHead: true,
      ...(token === undefined ? {} : { nextToken: token }),
    }
    try {
      const signal = AbortSignal.timeout(READ_MS)
      const answer = await patiently(() => client.call((logs) => logs.send(new GetLogEventsCommand(input))), {
        clock,
        random,
        signal,
      })
      const messages = (answer.events ?? []).flatMap(({ message }) => (message === undefined ? [] : [message]))
      return { messages, token: answer.nextForwardToken }
    } catch (error) {
      if (error instanceof Error && error.name === 'ResourceNotFoundException')
        return { messages: [], token: undefined }
      throw error
    }
  }

  #clientOf(region: string | null): RenewedClient<CloudWatchLogsClient> {
    const known = this.#clients.get(region)
    if (known !== undefined) return known
    const config = { ...clientConfig(this.#parts.settings), ...(region === null ? {} : { region }) }
    const client = new RenewedClient(() => new CloudWatchLogsClient(config))
    this.#clients.set(region, client)
    return client
  }
}

const READ_MS = 60_000

interface LogPage {
  readonly messages: readonly string[]
  readonly token: string | undefined
}
