import { z } from 'zod'
import { ACCOUNT, type Identities } from '../iam/identities.ts'
import { matches } from '../iam/policy.ts'
import { accessDenied } from '../wire/authenticate.ts'
import { AwsError } from '../wire/aws-error.ts'
import { defineOperation } from '../wire/define-operation.ts'
import type { Service } from '../wire/service.ts'

/** The API of STS. */
export function stsService(identities: Identities): Service {
  return {
    name: 'sts',
    protocol: 'query',
    operations: {
      AssumeRole: defineOperation({
        input: z.object({
          RoleArn: z.string(),
          RoleSessionName: z.string(),
          DurationSeconds: z.coerce.number().optional(),
        }),
        needs: ({ RoleArn }) => [{ action: 'sts:AssumeRole', resource: RoleArn }],
        run: ({ RoleArn, RoleSessionName, DurationSeconds = 3600 }, { caller }) => {
          if (!/^[\w+=,.@-]{2,64}$/.test(RoleSessionName)) throw invalid('roleSessionName')
          if (DurationSeconds < 900 || DurationSeconds > 43_200) throw invalid('durationSeconds')
          const role = identities.roleOf(RoleArn)
          // A role that is not there, and one that trusts others, look alike.
          if (role === null || !(role.trusted ?? ['*']).some((pattern) => matches(pattern, caller.arn)))
            throw accessDenied('query', caller, { action: 'sts:AssumeRole', resource: RoleArn })
          const session = identities.openSession({
            roleArn: RoleArn,
            name: RoleSessionName,
            durationSeconds: DurationSeconds,
          })
          return {
            Credentials: {
              AccessKeyId: session.credentials.accessKeyId,
              SecretAccessKey: session.credentials.secretAccessKey,
              SessionToken: session.credentials.sessionToken,
              Expiration: new Date(session.expiresAt).toISOString(),
            },
            AssumedRoleUser: { AssumedRoleId: session.caller.userId, Arn: session.caller.arn },
            PackedPolicySize: 6,
          }
        },
      }),
      GetCallerIdentity: defineOperation({
        input: z.object({}),
        run: (_, { caller }) => ({ Arn: caller.arn, UserId: caller.userId, Account: ACCOUNT }),
      }),
    },
    throttled: () => new AwsError('Throttling', 'Rate exceeded'),
    broken: (status) => new AwsError('InternalFailure', 'The service is broken.', { status }),
  }
}

function invalid(member: string): AwsError {
  return new AwsError(
    'ValidationError',
    `1 validation error detected: Value at '${member}' failed to satisfy constraint`,
  )
}
