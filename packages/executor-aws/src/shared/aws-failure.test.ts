import { describe, expect, it } from 'vitest'
import { failureOf } from './aws-failure.ts'

const named = (name: string, more: object = {}): Error =>
  Object.assign(new Error('the words of the service'), { name }, more)
const answered = (name: string, httpStatusCode: number): Error =>
  named(name, { $fault: httpStatusCode < 500 ? 'client' : 'server', $metadata: { httpStatusCode } })

describe('a failed call of the SDK', () => {
  it.each([
    ['throttled', answered('ThrottlingException', 400)],
    ['throttled', answered('TooManyRequestsException', 429)],
    ['throttled', answered('Whatever', 429)],
    ['capacity', answered('ServiceQuotaExceededException', 400)],
    ['credentials', answered('ExpiredTokenException', 400)],
    ['credentials', answered('ExpiredToken', 403)],
    ['credentials', answered('UnrecognizedClientException', 400)],
    ['credentials', answered('InvalidSignatureException', 403)],
    // Made by the SDK itself, without `$metadata`.
    ['credentials', named('CredentialsProviderError')],
    ['unreachable', named('Error', { code: 'ECONNREFUSED' })],
    ['unreachable', new AggregateError([named('Error', { code: 'ECONNREFUSED' })])],
    ['unreachable', named('Error', { code: 'EAI_AGAIN' })],
    ['permanent', answered('AccessDeniedException', 400)],
    ['permanent', answered('ClusterNotFoundException', 400)],
    ['permanent', answered('InvalidParameterException', 400)],
    ['permanent', answered('NewClientErrorOfNextYear', 404)],
    ['unknown', answered('ServerException', 500)],
    ['unknown', answered('ServiceUnavailable', 503)],
    ['unknown', named('TimeoutError')],
    ['unknown', named('Error', { code: 'ECONNRESET' })],
    ['unknown', named('AbortError')],
    ['unknown', 'a thrown text'],
  ])('is %s: %s', (kind, error) => {
    expect(failureOf(error).kind).toBe(kind)
  })

  it('is told with its code and its words', () => {
    expect(failureOf(answered('AccessDeniedException', 400)).detail).toBe(
      'AccessDeniedException: the words of the service',
    )
    expect(failureOf(new AggregateError([new Error('first'), new Error('second')])).detail).toContain('first; second')
  })
})
