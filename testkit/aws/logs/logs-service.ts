import { z } from 'zod'
import { ACCOUNT } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import { pageOf } from '../wire/page.ts'
import type { Operation, Service } from '../wire/service.ts'
import type { LogEvent, LogStore } from './log-store.ts'

/** The API of CloudWatch Logs, as far as one reads with it. */
export function logsService(logs: LogStore, region: string): Service {
  return {
    name: 'logs',
    protocol: 'json-1.1',
    operations: {
      GetLogEvents: getLogEvents(logs, region),
      DescribeLogStreams: describeLogStreams(logs, region),
    },
    throttled: () => new AwsError('ThrottlingException', 'Rate exceeded'),
    broken: (status) =>
      new AwsError('ServiceUnavailableException', 'The service cannot complete the request.', { status }),
  }
}

const MAX_EVENTS = 10_000
const MAX_BYTES = 1_048_576

const ofGroup = {
  logGroupName: z.string().optional(),
  logGroupIdentifier: z.string().optional(),
}

function getLogEvents(logs: LogStore, region: string): Operation {
  return defineOperation({
    input: z.object({
      ...ofGroup,
      logStreamName: z.string(),
      startTime: z.number().optional(),
      endTime: z.number().optional(),
      nextToken: z.string().optional(),
      limit: z.int().optional(),
      startFromHead: z.boolean().optional(),
    }),
    needs: (input) => [groupNeed('logs:GetLogEvents', region, input, `:log-stream:${input.logStreamName}`)],
    run: (input) => {
      const { startTime = 0, endTime = Number.POSITIVE_INFINITY, limit = MAX_EVENTS } = input
      if (limit < 1 || limit > MAX_EVENTS)
        throw new AwsError('InvalidParameterException', `limit must be between 1 and ${MAX_EVENTS}.`)
      const stream = streamsOf(logs, input).get(input.logStreamName)
      if (stream === undefined)
        throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.')
      const { from, to } = windowOf(stream, limit, input)
      const events = stream.slice(from, to).filter(({ timestamp }) => timestamp >= startTime && timestamp < endTime)
      return { events, nextForwardToken: tokenOf('f', to), nextBackwardToken: tokenOf('b', from) }
    },
  })
}

/** What part of a stream is answered: from the token on, or from an end of it. */
function windowOf(
  stream: readonly LogEvent[],
  limit: number,
  {
    nextToken,
    startFromHead = false,
  }: { readonly nextToken?: string | undefined; readonly startFromHead?: boolean | undefined },
): { readonly from: number; readonly to: number } {
  const match = nextToken === undefined ? null : /^([fb])\/(\d+)\/s$/.exec(nextToken)
  if (nextToken !== undefined && match === null)
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.')
  const isForward = match === null ? startFromHead : match[1] === 'f'
  const at = match === null ? (startFromHead ? 0 : stream.length) : Math.min(Number(match[2]), stream.length)
  if (isForward) return { from: at, to: at + fitting(stream.slice(at, at + limit)) }
  return { from: at - fitting(stream.slice(Math.max(0, at - limit), at).toReversed()), to: at }
}

/** Tokens have 56 digits on AWS. */
function tokenOf(direction: 'f' | 'b', at: number): string {
  return `${direction}/${String(at).padStart(56, '0')}/s`
}

/** How many of these fit into one answer: a megabyte, each with 26 bytes of its own. */
function fitting(events: readonly LogEvent[]): number {
  let bytes = 0
  const tooMany = events.findIndex(({ message }) => (bytes += Buffer.byteLength(message) + 26) > MAX_BYTES)
  return tooMany === -1 ? events.length : Math.max(1, tooMany)
}

function describeLogStreams(logs: LogStore, region: string): Operation {
  return defineOperation({
    input: z.object({
      ...ofGroup,
      logStreamNamePrefix: z.string().optional(),
      limit: z.int().optional(),
      nextToken: z.string().optional(),
    }),
    needs: (input) => [groupNeed('logs:DescribeLogStreams', region, input, ':*')],
    run: ({ logStreamNamePrefix = '', limit = 50, nextToken: token, ...input }) => {
      const group = nameOf(input)
      const all = [...streamsOf(logs, input)]
        .filter(([name]) => name.startsWith(logStreamNamePrefix))
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
      const { items, nextToken } = pageOf(all, limit, token, 'InvalidParameterException')
      const logStreams = items.map(([name, events]) => ({
        logStreamName: name,
        creationTime: events[0]?.timestamp ?? 0,
        arn: `${groupArn(region, group)}:log-stream:${name}`,
        storedBytes: 0,
        uploadSequenceToken: '1',
        ...(events.length === 0
          ? {}
          : {
              firstEventTimestamp: events[0]?.timestamp,
              lastEventTimestamp: events.at(-1)?.timestamp,
              lastIngestionTime: events.at(-1)?.ingestionTime,
            }),
      }))
      return { logStreams, ...(nextToken === null ? {} : { nextToken }) }
    },
  })
}

interface OfGroup {
  readonly logGroupName?: string | undefined
  readonly logGroupIdentifier?: string | undefined
}

function nameOf({ logGroupName, logGroupIdentifier }: OfGroup): string {
  return logGroupName ?? (logGroupIdentifier ?? '').replace(/^arn:.*:log-group:/, '')
}

function streamsOf(logs: LogStore, input: OfGroup): ReadonlyMap<string, readonly LogEvent[]> {
  const streams = logs.streamsOf(nameOf(input))
  if (streams === null) throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.')
  return streams
}

function groupArn(region: string, group: string): string {
  return `arn:aws:logs:${region}:${ACCOUNT}:log-group:${group}`
}

function groupNeed(action: string, region: string, input: OfGroup, suffix: string): Need {
  return { action, resource: `${groupArn(region, nameOf(input))}${suffix}` }
}
