import {
  CloudWatchLogsClient,
  DescribeLogStreamsCommand,
  GetLogEventsCommand,
  type GetLogEventsCommandInput,
} from '@aws-sdk/client-cloudwatch-logs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { AwsDouble } from '../aws-double.ts'
import { startCheckedDouble } from '../model/checked-double.ts'

let double: AwsDouble
let logs: CloudWatchLogsClient

beforeEach(async () => {
  double = await startCheckedDouble()
  logs = new CloudWatchLogsClient({ ...double.client, maxAttempts: 1 })
})

afterEach(async () => {
  logs.destroy()
  await double.close()
})

async function read(more: Partial<GetLogEventsCommandInput> = {}) {
  const input = { logGroupName: '/ecs/worker', logStreamName: 'ecs/main/1', startFromHead: true, ...more }
  const { events = [], ...tokens } = await logs.send(new GetLogEventsCommand(input))
  return { lines: events.map(({ message }) => message), ...tokens }
}

function write(...lines: readonly string[]): void {
  for (const line of lines) double.logs.append('/ecs/worker', 'ecs/main/1', line)
}

it('reads forward by tokens, and repeats the token at the end until more is there', async () => {
  write('one', 'two', 'three')
  const first = await read({ limit: 2 })
  expect(first.lines).toEqual(['one', 'two'])
  const second = await read({ nextToken: first.nextForwardToken })
  expect(second.lines).toEqual(['three'])
  const end = await read({ nextToken: second.nextForwardToken })
  expect(end).toMatchObject({ lines: [], nextForwardToken: second.nextForwardToken })
  write('four')
  expect((await read({ nextToken: end.nextForwardToken })).lines).toEqual(['four'])
})

it('reads the end first where nobody says otherwise, and backward from there', async () => {
  write('one', 'two', 'three')
  const last = await read({ startFromHead: false, limit: 2 })
  expect(last.lines).toEqual(['two', 'three'])
  expect((await read({ startFromHead: false, nextToken: last.nextBackwardToken })).lines).toEqual(['one'])
})

it('answers a megabyte at most', async () => {
  write('x'.repeat(600_000), 'y'.repeat(600_000))
  const first = await read()
  expect(first.lines).toHaveLength(1)
  expect((await read({ nextToken: first.nextForwardToken })).lines).toHaveLength(1)
})

it('says whether the group or the stream is not there, and lists streams by prefix', async () => {
  await expect(read()).rejects.toMatchObject({
    name: 'ResourceNotFoundException',
    message: 'The specified log group does not exist.',
  })
  write('one')
  await expect(read({ logStreamName: 'other' })).rejects.toMatchObject({
    message: 'The specified log stream does not exist.',
  })
  const { logStreams } = await logs.send(
    new DescribeLogStreamsCommand({ logGroupName: '/ecs/worker', logStreamNamePrefix: 'ecs/' }),
  )
  expect(logStreams).toMatchObject([{ logStreamName: 'ecs/main/1' }])
})
