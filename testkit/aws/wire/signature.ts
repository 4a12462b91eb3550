import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** Signature Version 4: who says to have signed a request, and whether that is so. */

/** What the authorization header claims. */
export interface SignatureClaim {
  readonly accessKeyId: string
  readonly date: string
  readonly region: string
  readonly service: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly sessionToken: string | null
}

/** A request as it was signed. */
export interface SignedRequest {
  readonly method: string
  /** Path and query, as they came. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** The claim of a request, or null where none was made. */
export function signatureClaimOf(headers: IncomingHttpHeaders): SignatureClaim | null {
  const match = HEADER.exec(headers.authorization ?? '')
  if (match === null) return null
  const [, accessKeyId = '', date = '', region = '', service = '', signedHeaders = '', signature = ''] = match
  const sessionToken = valueOf(headers, 'x-amz-security-token')
  return {
    accessKeyId,
    date,
    region,
    service,
    signedHeaders: signedHeaders.split(';'),
    signature,
    sessionToken: sessionToken === '' ? null : sessionToken,
  }
}

/** True when the request was signed with this secret. */
export function isSignedWith(secretAccessKey: string, claim: SignatureClaim, request: SignedRequest): boolean {
  const scope = `${claim.date}/${claim.region}/${claim.service}/aws4_request`
  const text = [
    'AWS4-HMAC-SHA256',
    valueOf(request.headers, 'x-amz-date'),
    scope,
    sha256(canonicalRequest(claim, request)),
  ].join('\n')
  const key = ['aws4_request', claim.service, claim.region, claim.date].reduceRight<Buffer | string>(
    (parent, part) => hmac(parent, part),
    `AWS4${secretAccessKey}`,
  )
  return timingSafeEqual(hmac(key, text), Buffer.from(claim.signature, 'hex'))
}

function canonicalRequest(claim: SignatureClaim, { method, url, headers, body }: SignedRequest): string {
  const [path = '/', query = ''] = url.split('?')
  const canonicalPath = path.split('/').map(encodeURIComponent).join('/')
  const canonicalQuery = query.split('&').filter(Boolean).map(withValue).sort().join('&')
  const canonicalHeaders = claim.signedHeaders.map((name) => `${name}:${valueOf(headers, name)}\n`).join('')
  const signed = claim.signedHeaders.join(';')
  return [method, canonicalPath, canonicalQuery, canonicalHeaders, signed, sha256(body)].join('\n')
}

function withValue(parameter: string): string {
  return parameter.includes('=') ? parameter : `${parameter}=`
}

function valueOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name] ?? ''
  return (Array.isArray(value) ? value.join(',') : value).trim().replace(/ +/g, ' ')
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
