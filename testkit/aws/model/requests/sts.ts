import * as Sts from '@aws-sdk/client-sts'
import { type Place, type SetRequest } from '../set-request.ts'

/** Requests to sts, good and bad. */
export function stsRequests(): readonly SetRequest[] {
  const assume = ({ sts, roleArn: RoleArn }: Place, more: object = {}): Promise<object> =>
    sts.send(new Sts.AssumeRoleCommand({ RoleArn, RoleSessionName: 'fairlead', DurationSeconds: 900, ...more }))
  return [
    {
      operation: 'sts:GetCallerIdentity',
      title: 'ask who one is',
      send: ({ sts }) => sts.send(new Sts.GetCallerIdentityCommand({})),
    },
    { operation: 'sts:AssumeRole', title: 'assume a role', send: (place) => assume(place) },
    {
      operation: 'sts:AssumeRole',
      title: 'assume a role for too short',
      send: (place) => assume(place, { DurationSeconds: 1 }),
    },
  ]
}
