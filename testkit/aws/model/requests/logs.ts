import * as Logs from '@aws-sdk/client-cloudwatch-logs'
import { STAGE, type Place, type SetRequest } from '../set-request.ts'

/** Requests to logs, good and bad. */
export function logsRequests(): readonly SetRequest[] {
  const { logGroup: logGroupName, logStream: logStreamName } = STAGE
  const read = ({ logs }: Place, more: Partial<Logs.GetLogEventsCommandInput> = {}): Promise<object> =>
    logs.send(new Logs.GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true, ...more }))
  return [
    { operation: 'logs:GetLogEvents', title: 'read a log stream', send: (place) => read(place) },
    {
      operation: 'logs:GetLogEvents',
      title: 'read on at the end of a log stream',
      send: (place, earlier) => {
        const { nextForwardToken } = earlier.get('read a log stream') as Logs.GetLogEventsCommandOutput
        return read(place, { nextToken: nextForwardToken })
      },
    },
    {
      operation: 'logs:GetLogEvents',
      title: 'read a log stream that is not there',
      send: (place) => read(place, { logStreamName: 'nothing' }),
    },
    {
      operation: 'logs:GetLogEvents',
      title: 'read a log group that is not there',
      send: (place) => read(place, { logGroupName: 'nothing' }),
    },
    {
      operation: 'logs:DescribeLogStreams',
      title: 'list log streams by prefix',
      send: ({ logs }) => logs.send(new Logs.DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: 'ecs/' })),
    },
  ]
}
