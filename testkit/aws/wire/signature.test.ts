import { expect, it } from 'vitest'
import { isSignedWith, signatureClaimOf, type SignedRequest } from './signature.ts'

/** The worked example of AWS's own guide to Signature Version 4. */
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const request: SignedRequest = {
  method: 'GET',
  url: '/?Action=ListUsers&Version=2010-05-08',
  body: Buffer.alloc(0),
  headers: {
    host: 'iam.amazonaws.com',
    'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
    'x-amz-date': '20150830T123600Z',
    authorization:
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  },
}
const claim = signatureClaimOf(request.headers)

it('reads who says to have signed', () => {
  expect(claim).toMatchObject({ accessKeyId: 'AKIDEXAMPLE', region: 'us-east-1', service: 'iam', sessionToken: null })
  expect(signatureClaimOf({})).toBeNull()
})

it.each<[string, Partial<SignedRequest>, string, boolean]>([
  ['the secret that it was signed with', {}, SECRET, true],
  ['another secret', {}, 'other', false],
  ['a changed query', { url: '/?Action=DeleteUser&Version=2010-05-08' }, SECRET, false],
  ['a changed body', { body: Buffer.from('x') }, SECRET, false],
  ['another method', { method: 'POST' }, SECRET, false],
  ['a changed header that was signed', { headers: { ...request.headers, host: 'elsewhere' } }, SECRET, false],
  ['a changed header that was not', { headers: { ...request.headers, accept: '*/*' } }, SECRET, true],
])('holds a signature against %s', (_, change, secret, expected) => {
  expect(claim !== null && isSignedWith(secret, claim, { ...request, ...change })).toBe(expected)
})
