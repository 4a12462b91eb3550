/**
 * What a failed call says, in our words. Pure: the one place that knows the names of the SDK's errors.
 *
 * - `throttled`: nothing happened, and too much was asked. Never counts against anything.
 * - `capacity`: nothing happened; there is no room for it at the moment, or a quota is used up.
 * - `credentials`: nothing happened, and nothing will until there are valid credentials.
 * - `unreachable`: nothing was sent.
 * - `permanent`: nothing happened, and the same request will be refused again.
 * - `unknown`: it may have been carried out.
 */
export type AwsFailure = {
  readonly kind: 'throttled' | 'capacity' | 'credentials' | 'unreachable' | 'permanent' | 'unknown'
  /** Code and message, for people. */
  readonly detail: string
}

const THROTTLES = [
  'BandwidthLimitExceeded',
  'EC2ThrottledException',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionInProgressException',
]

const CREDENTIALS = [
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'RequestExpired',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  'TokenRefreshRequired',
  'UnrecognizedClientException',
]

const QUOTAS = ['LimitExceededException', 'ServiceQuotaExceededException']

const KINDS_BY_NAME = new Map<string, AwsFailure['kind']>([
  ...THROTTLES.map((name) => [name, 'throttled'] as const),
  ...CREDENTIALS.map((name) => [name, 'credentials'] as const),
  ...QUOTAS.map((name) => [name, 'capacity'] as const),
])

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_SSL_WRONG_VERSION_NUMBER',
])

/** See {@link AwsFailure}. */
export function failureOf(error: unknown): AwsFailure {
  return { kind: kindOf(error), detail: detailOf(error) }
}

function kindOf(error: unknown): AwsFailure['kind'] {
  if (!(error instanceof Error)) return 'unknown'
  const named = KINDS_BY_NAME.get(error.name)
  if (named !== undefined) return named
  if (codesOf(error).some((code) => UNREACHABLE.has(code))) return 'unreachable'
  return kindOfStatus(statusOf(error))
}

function kindOfStatus(status: number | undefined): AwsFailure['kind'] {
  if (status === 429) return 'throttled'
  return status !== undefined && status >= 400 && status < 500 ? 'permanent' : 'unknown'
}

/** The system's codes of an error and of what it was made of: several addresses were tried, each with its own. */
function codesOf(error: Error): readonly string[] {
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  const parts: readonly unknown[] = error instanceof AggregateError ? error.errors : [error.cause]
  return [...own, ...parts.flatMap((part) => (part instanceof Error && part !== error ? codesOf(part) : []))]
}

/** The SDK gives errors of its own making, such as missing credentials, no `$metadata`. */
function statusOf(error: Error): number | undefined {
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const parts = error instanceof AggregateError ? error.errors.map(detailOf).join('; ') : ''
  const text = error.message === '' ? parts : error.message
  return error.name === 'Error' || error.name === '' ? text : `${error.name}: ${text}`
}
