import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { setTimeout as sleep } from 'node:timers/promises'
import { failureOf } from './aws-failure.ts'
import { clientConfig } from './client-config.ts'
import type { ClientSettings } from './client-settings.ts'

/** Where a container's output is in CloudWatch Logs. */
export interface LogPlace {
  readonly group: string
  readonly stream: string
}

/**
 * The text of a log stream from its beginning: what is there, and what comes, until its writer has ended and everything
 * was read. A stream that is not there yet is waited for. The reader lets go by returning.
 */
export async function* textOfLog(
  settings: ClientSettings,
  { group, stream }: LogPlace,
  hasEnded: () => Promise<boolean>,
): AsyncGenerator<string> {
  const client = new CloudWatchLogsClient(clientConfig(settings))
  let nextToken: string | undefined
  try {
    for (;;) {
      // Asked before reading: what was written until the end is then surely read, but for what AWS is late with.
      const isLast = await hasEnded()
      const page = await pageOf(client, { logGroupName: group, logStreamName: stream, startFromHead: true, nextToken })
      if (page.text !== '') yield page.text
      const isAtEnd = page.nextToken === undefined || page.nextToken === nextToken
      nextToken = page.nextToken ?? nextToken
      if (isAtEnd && isLast) return
      // Nothing waits for a reader alone.
      if (isAtEnd) await sleep(POLL_MS, undefined, { ref: false })
    }
  } finally {
    client.destroy()
  }
}

interface PageRequest {
  readonly logGroupName: string
  readonly logStreamName: string
  readonly startFromHead: true
  readonly nextToken: string | undefined
}

async function pageOf(
  client: CloudWatchLogsClient,
  { nextToken, ...request }: PageRequest,
): Promise<{ readonly text: string; readonly nextToken: string | undefined }> {
  try {
    const { events = [], nextForwardToken } = await client.send(
      new GetLogEventsCommand({ ...request, ...(nextToken === undefined ? {} : { nextToken }) }),
    )
    return { text: events.map(({ message = '' }) => `${message}\n`).join(''), nextToken: nextForwardToken }
  } catch (error) {
    const isMissing = error instanceof Error && error.name === 'ResourceNotFoundException'
    if (!isMissing && failureOf(error).kind !== 'throttled') throw error
    return { text: '', nextToken }
  }
}

const POLL_MS = 1000
