import type { Caller, Identities } from '../iam/identities.ts'
import type { Need } from '../iam/policy.ts'
import { AwsError } from './aws-error.ts'
import type { WireRequest } from './identify.ts'
import type { Protocol } from './service.ts'
import { isSignedWith, signatureClaimOf } from './signature.ts'

/** Who is it, and may they? Each refusal has a code of its own, which differs by protocol. */

/** Why credentials are refused. */
export type Refusal = 'missing' | 'unknown' | 'expired' | 'wrong'

/** The caller who signed the request. Throws the service's refusal. */
export function authenticate(protocol: Protocol, request: WireRequest, identities: Identities, region: string): Caller {
  const claim = signatureClaimOf(request.headers)
  if (claim === null) throw refusal(protocol, 'missing')
  const found = identities.find(claim.accessKeyId)
  if (found === null) throw refusal(protocol, 'unknown')
  const { credentials, caller, isExpired } = found
  if (!isSignedWith(credentials.secretAccessKey, claim, request)) throw refusal(protocol, 'wrong')
  if ((credentials.sessionToken ?? null) !== claim.sessionToken) throw refusal(protocol, 'unknown')
  // The query protocol's one service, STS, takes requests of every region.
  if (claim.region !== region && protocol !== 'query')
    throw new AwsError(
      codeOf(protocol, 'wrong'),
      `Credential should be scoped to a valid region, not '${claim.region}'.`,
      { status: statusOf(protocol) },
    )
  if (isExpired) throw refusal(protocol, 'expired')
  return caller
}

/** The error for credentials that are not good. */
export function refusal(protocol: Protocol, why: Refusal): AwsError {
  return new AwsError(codeOf(protocol, why), MESSAGES[why], {
    status: statusOf(protocol),
    ...(protocol === 'json-1.0' ? { queryCode: QUERY_CODES[why] } : {}),
  })
}

/** The error for what no policy allows. */
export function accessDenied(protocol: Protocol, caller: Caller, { action, resource }: Need): AwsError {
  const message = `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`
  if (protocol === 'query') return new AwsError('AccessDenied', message, { status: 403 })
  return new AwsError('AccessDeniedException', message, {
    status: protocol === 'json-1.1' ? 400 : 403,
    ...(protocol === 'json-1.0' ? { queryCode: 'AccessDenied' } : {}),
  })
}

const JSON_CODES: Readonly<Record<Refusal, string>> = {
  missing: 'MissingAuthenticationTokenException',
  unknown: 'UnrecognizedClientException',
  expired: 'ExpiredTokenException',
  wrong: 'InvalidSignatureException',
}

const QUERY_CODES: Readonly<Record<Refusal, string>> = {
  missing: 'MissingAuthenticationToken',
  unknown: 'InvalidClientTokenId',
  expired: 'ExpiredToken',
  wrong: 'SignatureDoesNotMatch',
}

const MESSAGES: Readonly<Record<Refusal, string>> = {
  missing: 'Missing Authentication Token',
  unknown: 'The security token included in the request is invalid.',
  expired: 'The security token included in the request is expired',
  wrong:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
}

function codeOf(protocol: Protocol, why: Refusal): string {
  return protocol === 'query' ? QUERY_CODES[why] : JSON_CODES[why]
}

function statusOf(protocol: Protocol): number {
  return protocol === 'rest-json' || protocol === 'query' ? 403 : 400
}
